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
mod memory;
mod transport;

// Floor 8.
mod publish;

// Floor 9.
mod deferred;

// Floor 10.
mod builder;

pub use builder::BusBuilder;
pub use bus::{
    AnyKind, Blocks, ByName, Inline, InsideEmission, Kind, Listener, Module, NameTaken, NoContext, NoState, Scope,
    ScopeGuard, Spawned, Timed, Topic, WiringError, With, WithContext,
};
#[cfg(feature = "serde")]
pub use call::JsonError;
pub use call::{AnyEvent, EmissionId};
pub use deferred::{Deferred, DeferredPublish, Release, ReleaseError, Released, Unpublished};
pub use emission::{
    Around, AsyncContextListener, AsyncContextStateListener, AsyncNameContextListener, AsyncNameContextStateListener,
    AsyncNameListener, AsyncNameStateListener, Bus, CallEnd, Context, ContextListener, ContextStateListener,
    DeferredStats, EmissionInfo, Emit, EmitAny, EmitError, EmitHandle, Emitter, InFlight, Intercepted, Interceptor,
    NameContextListener, NameContextStateListener, NameListener, NameStateListener, Report, WeakBus,
};
#[cfg(feature = "serde")]
pub use event::{Codec, DecodeCategory, DecodeError, Decoded, Encodable, EncodeError, EventCodec, Serde};
pub use event::{Event, EventName, EventType, Field, IntoEvent, NameError};
#[cfg(feature = "schema")]
pub use event::{HasSchema, Schema};
pub use listener::{
    AsyncListener, AsyncStateListener, BoxError, Chain, Failure, ListenerId, ListenerInfo, ListenerKind, NotRun, Ok,
    Outcome, Return, StateListener, SyncListener,
};
pub use memory::Memory;
#[cfg(feature = "serde")]
pub use named::{AsyncApiInfo, Json};
pub use named::{ByNameError, Catalog, CatalogEvent, CatalogListener, EventSet, Explanation, Returned};
pub use pattern::{Pattern, PatternError, PatternErrorKind};
#[cfg(feature = "serde")]
pub use publish::PublishJson;
#[cfg(feature = "rate-limit")]
pub use publish::Rate;
pub use publish::{
    AttemptError, Batch, BatchHandlerFn, BatchReturn, BusHealth, Consumer, ConsumerBuilder, ConsumerError,
    ConsumerHealth, DeadLetter, DeadLetterError, DeadLetterPage, DeadLetters, Deliveries, Delivery, EventStream,
    Failed, FailedAttempt, GroupStats, Handler, HandlerFn, KeyFn, Lagged, NameHandlerFn, NameStateHandlerFn, Next,
    NoEvent, NoHandlerState, NotDrained, Publish, PublishAll, PublishError, PublishNotice, Published, RemoveError,
    ReplayError, Retry, ReturnedMessage, ShutdownReport, StateHandlerFn, Stats, StopReport, StreamFull, Unconsumed,
    Unfinished, Unhandled, UnroutedEvent, UpcastError, WithState,
};
pub use registry::{Subscription, SubscriptionGuard};
pub use transport::{
    Answer, BoxFuture, Capabilities, Durability, GroupSpec, GroupState, LeaseId, Leased, Letter, LetterEnd,
    LetterError, LetterId, LetterPage, LetterQuery, Message, MessageId, NoSuchGroup, Operation,
    Ordering as TransportOrdering, Overflow, Read, Refusal, Settlement, Source, Start, Transport, TransportError,
    TransportHealth, TransportReports, Unrouted, Unsettled, Wants,
};
#[cfg(feature = "serde")]
pub use transport::{MalformedMessage, WriteError};
