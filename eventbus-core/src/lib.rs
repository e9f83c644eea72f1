//! The engine of `eventbus`: events, the registry, dispatch, the bus, and publishing.
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
#[cfg(feature = "publish")]
mod publish;

#[cfg(feature = "tokio")]
pub use bus::EmitHandle;
pub use bus::{
    AnyKind, Blocks, Bus, BusBuilder, ByName, Deferred, DeferredStats, Emit, EmitAny, EmitError, Emitter, Inline,
    InsideEmission, Intercepted, Interceptor, Kind, Listener, Module, NameTaken, NoContext, NoState, Release,
    ReleaseError, Released, Report, Scope, ScopeGuard, Spawned, Stats, Timed, Topic, WeakBus, WiringError, With,
    WithContext,
};
#[cfg(feature = "publish")]
pub use bus::{Deliveries, GroupStats, Published, Unpublished};
#[cfg(feature = "tokio")]
pub use dispatch::InFlight;
#[cfg(feature = "serde")]
pub use dispatch::JsonError;
pub use dispatch::{
    AnyEvent, Around, AsyncContextListener, AsyncContextStateListener, AsyncNameContextListener,
    AsyncNameContextStateListener, AsyncNameListener, AsyncNameStateListener, CallEnd, Context, ContextListener,
    ContextStateListener, EmissionId, EmissionInfo, NameContextListener, NameContextStateListener, NameListener,
    NameStateListener,
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
#[cfg(feature = "publish")]
pub use publish::{
    AttemptError, BoxFuture, Capabilities, Consumer, ConsumerBuilder, ConsumerError, DeadLetter, DeadLetters, Delivery,
    Durability, EventStream, Failed, Group, GroupState, Handler, HandlerFn, KeyFn, Lagged, LeaseId, Leased, Memory,
    Message, MessageId, NameHandlerFn, Next, NoEvent, Overflow, Publish, PublishAll, PublishError, Refused,
    ReplayError, Retry, ReturnedMessage, Settle, ShutdownReport, Source, StopReport, StreamFull, Transport,
    TransportOrdering, Unfinished, Unhandled,
};
#[cfg(all(feature = "publish", feature = "serde"))]
pub use publish::{MalformedMessage, PublishJson, WriteError};
pub use registry::{Subscription, SubscriptionGuard};
