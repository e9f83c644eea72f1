//! The engine of `eventbus`: events, the registry, emission, the bus, and publishing.
//!
//! Applications and frameworks depend on the facade, `eventbus`, which re-exports all of this and the derive. The modules
//! stand on floors (layers), and each may use only those of lower floors; ARCHITECTURE.md has the map.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The docs show the methods of `Bus` in the order of these modules, so those that a program needs first come first.

// Floor 13.
mod builder;

// Floor 5.
mod bus;

// Floor 8.
mod publish;

// Floor 9; `counting` is on floor 1.
mod consumer;
mod counting;

// Floor 11.
mod lifecycle;

// Floor 4.
mod emission;

// Floor 6.
mod named;

// Floor 12.
mod deferred;

// Floor 10.
mod observe;

// Floor 0.
mod event;
mod interleave;
mod pattern;
mod sync;

// Floor 1.
mod listener;

// Floor 2.
mod call;

// Floor 3.
mod registry;

// Floor 7.
mod memory;
mod transport;

// Floor 14.
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;

pub use builder::BusBuilder;
pub use bus::{
    AnyKind, Blocks, ByPattern, Inline, InsideEmission, Kind, Listener, Module, NameTaken, NoContext, NoState, Scope,
    ScopeGuard, Spawned, Timed, Topic, WiringError, With, WithContext,
};
#[cfg(feature = "serde")]
pub use call::JsonError;
pub use call::{AnyEvent, EmissionId, MessageId, TraceContext};
#[cfg(feature = "rate-limit")]
pub use consumer::Rate;
pub use consumer::{
    Batch, BatchHandlerFn, BatchReturn, Consumer, ConsumerBuilder, ConsumerError, ConsumerHealth, Delivery,
    FailedAttempt, Handler, HandlerFn, KeyFn, NoHandlerState, PatternHandlerFn, PatternStateHandlerFn, RemoveError,
    RemoveGroupError, Retry, StateHandlerFn, StopReport, Unfinished, Unhandled, WithState,
};
pub use counting::{FailureStats, Latency};
pub use deferred::{Deferred, DeferredPublish, Release, ReleaseError, Released, Unpublished};
pub use emission::{
    Around, AsyncContextListener, AsyncContextStateListener, AsyncPatternContextListener,
    AsyncPatternContextStateListener, AsyncPatternListener, AsyncPatternStateListener, Bus, CallEnd, Context,
    ContextListener, ContextStateListener, DeferredStats, DeliveryEnd, DeliveryInfo, EmissionInfo, Emit, EmitAny,
    EmitError, EmitHandle, Emitter, InFlight, Intercepted, Interceptor, MessageInfo, PatternContextListener,
    PatternContextStateListener, PatternListener, PatternStateListener, PublishEnd, PublishInfo, Report, Skipped,
    Warning, WeakBus,
};
#[cfg(feature = "serde")]
pub use event::{Codec, DecodeCategory, DecodeError, Decoded, Encodable, EncodeError, EventCodec, Serde};
#[doc(hidden)]
pub use event::{DebugFn, DebugOf, NoDebug};
pub use event::{Event, EventName, EventType, Field, IntoEvent, NameError};
#[cfg(feature = "schema")]
pub use event::{HasSchema, Schema};
pub use lifecycle::{BusHealth, NotDrained, ReturnedMessage, ShutdownReport, Unconsumed};
pub use listener::{
    AsyncListener, AsyncStateListener, BoxError, Chain, Failure, ListenerId, ListenerInfo, ListenerKind, NotRun, Ok,
    Outcome, Return, StateListener, SyncListener,
};
pub use memory::Memory;
pub use named::{EmitNameError, EventSet, MalformedName};
#[cfg(feature = "serde")]
pub use named::{Json, ReadJsonError};
#[cfg(feature = "serde")]
pub use observe::AsyncApiInfo;
#[cfg(feature = "metrics")]
pub use observe::Metrics;
pub use observe::{
    Catalog, CatalogEvent, CatalogGroup, CatalogListener, Correlation, EventStats, ExplainedGroup, Explanation,
    GroupCondition, ListenerStats, Stats, Trace, TraceCause, TraceNode, TraceOutcome, Traced,
};
#[cfg(feature = "tracing")]
pub use observe::{Propagation, Tracing};
pub use pattern::{Pattern, PatternError, PatternErrorKind};
pub use publish::{
    AttemptError, DeadLetter, DeadLetterError, DeadLetterPage, DeadLetters, Deliveries, DiscardError, EventStream,
    Failed, GroupStats, Lagged, Next, NoEvent, Publish, PublishAll, PublishAllError, PublishError, Published, Recv,
    ReplayError, ReplayWhereError, StreamFull, TryPublishError, UnroutedEvent, UpcastError,
};
#[cfg(feature = "serde")]
pub use publish::{PublishJson, PublishJsonError};
pub use registry::{Subscription, SubscriptionGuard};
pub use transport::{
    Answer, BoxFuture, Capabilities, Durability, GroupSpec, GroupState, LeaseId, Leased, Letter, LetterEnd,
    LetterError, LetterId, LetterPage, LetterQuery, Message, NoSuchGroup, Operation, Ordering as TransportOrdering,
    Overflow, Read, Refusal, Settlement, Source, Start, Transport, TransportError, TransportHealth, TransportReports,
    Unrouted, Unsettled, Wants,
};
#[cfg(feature = "serde")]
pub use transport::{MalformedMessage, WriteError};
