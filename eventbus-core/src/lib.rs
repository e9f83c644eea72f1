//! The engine of `eventbus`: events, the registry, dispatch and the bus.
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
mod registry;

// Floor 3.
mod dispatch;

// Floor 4.
mod bus;

#[cfg(feature = "tokio")]
pub use bus::EmitHandle;
pub use bus::{
    AnyKind, Blocks, Bus, BusBuilder, Emit, EmitError, Emitter, Inline, InsideEmission, Kind, Listener, NoContext,
    NoState, Report, Scope, ScopeGuard, Spawned, Timed, WeakBus, With, WithContext,
};
#[cfg(feature = "tokio")]
pub use dispatch::InFlight;
pub use dispatch::{
    AsyncContextListener, AsyncContextStateListener, Context, ContextListener, ContextStateListener, EmissionId,
};
pub use event::{Event, EventName, EventType, Field, IntoEvent};
pub use listener::{
    AsyncListener, AsyncStateListener, BoxError, Chain, Failure, ListenerId, ListenerInfo, ListenerKind, NotRun, Ok,
    Outcome, Return, StateListener, SyncListener,
};
pub use pattern::{Pattern, PatternError, PatternErrorKind};
pub use registry::{Subscription, SubscriptionGuard};
