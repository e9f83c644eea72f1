//! The engine of `eventbus`: events, the registry, emission, the bus, and publishing.
//!
//! Applications and frameworks depend on the facade, `eventbus`, which re-exports all of this and the derive. The modules
//! are floors, and each may use only those before it in this list; ARCHITECTURE.md says why.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Floor 0.
mod event;
mod pattern;
mod sync;

// Floor 1.
mod listener;

// Floor 2.
mod call;

// Floor 3.
mod registry;

// Floor 4.
mod emission;

// Floor 5.
mod bus;

// Floor 6.
mod named;

// Floor 7.
mod publish;

// Floor 8.
mod deferred;

// Floor 9.
mod builder;

pub use builder::BusBuilder;
pub use bus::{
    AnyKind, Blocks, ByName, Inline, InsideEmission, Kind, Listener, Module, NameTaken, NoContext, NoState, Scope,
    ScopeGuard, Spawned, Timed, Topic, WiringError, With, WithContext,
};
#[cfg(feature = "serde")]
pub use call::JsonError;
pub use call::{AnyEvent, EmissionId};
pub use deferred::{Deferred, Release, ReleaseError, Released, Unpublished};
pub use emission::{
    Around, AsyncContextListener, AsyncContextStateListener, AsyncNameContextListener, AsyncNameContextStateListener,
    AsyncNameListener, AsyncNameStateListener, Bus, CallEnd, Context, ContextListener, ContextStateListener,
    DeferredStats, EmissionInfo, Emit, EmitAny, EmitError, EmitHandle, Emitter, InFlight, Intercepted, Interceptor,
    NameContextListener, NameContextStateListener, NameListener, NameStateListener, Report, WeakBus,
};
#[cfg(feature = "serde")]
pub use event::{Codec, DecodeCategory, DecodeError, EncodeError, Serde};
pub use event::{Event, EventName, EventType, Field, IntoEvent, NameError};
#[cfg(feature = "schema")]
pub use event::{HasSchema, Schema};
pub use listener::{
    AsyncListener, AsyncStateListener, BoxError, Chain, Failure, ListenerId, ListenerInfo, ListenerKind, NotRun, Ok,
    Outcome, Return, StateListener, SyncListener,
};
#[cfg(feature = "serde")]
pub use named::{AsyncApiInfo, Json};
pub use named::{ByNameError, Catalog, CatalogEvent, CatalogListener, EventSet, Explanation, Returned};
pub use pattern::{Pattern, PatternError, PatternErrorKind};
#[cfg(feature = "rate-limit")]
pub use publish::Rate;
pub use publish::{
    AttemptError, BoxFuture, Capabilities, Consumer, ConsumerBuilder, ConsumerError, DeadLetter, DeadLetters,
    Deliveries, Delivery, Durability, EventStream, Failed, Group, GroupState, GroupStats, Handler, HandlerFn, KeyFn,
    Lagged, LeaseId, Leased, Memory, Message, MessageId, NameHandlerFn, Next, NoEvent, Overflow, Publish, PublishAll,
    PublishError, Published, Refused, ReplayError, Retry, ReturnedMessage, Settle, ShutdownReport, Source, Stats,
    StopReport, StreamFull, Transport, TransportOrdering, Unfinished, Unhandled,
};
#[cfg(feature = "serde")]
pub use publish::{MalformedMessage, PublishJson, WriteError};
pub use registry::{Subscription, SubscriptionGuard};
