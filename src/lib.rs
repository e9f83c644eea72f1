//! A statically typed event bus.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use eventbus_core::{
    AnyKind, AsyncContextListener, AsyncContextStateListener, AsyncListener, AsyncStateListener, Blocks, BoxError, Bus,
    BusBuilder, Chain, Context, ContextListener, ContextStateListener, EmissionId, Emit, EmitError, Emitter, Event,
    EventName, EventType, Failure, Field, Inline, InsideEmission, IntoEvent, Kind, Listener, ListenerId, ListenerInfo,
    ListenerKind, NoContext, NoState, NotRun, Ok, Outcome, Report, Return, Scope, ScopeGuard, Spawned, StateListener,
    Subscription, SubscriptionGuard, SyncListener, Timed, WeakBus, With, WithContext,
};
#[cfg(feature = "tokio")]
pub use eventbus_core::{EmitHandle, InFlight};
#[cfg(feature = "derive")]
pub use eventbus_derive::Event;
