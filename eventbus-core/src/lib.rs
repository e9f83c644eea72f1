//! The engine of `eventbus`: events, the registry, dispatch and the bus.
//!
//! Applications and frameworks depend on the facade, `eventbus`, which re-exports all of this and the derive. The modules
//! are floors, and each may use only those before it in this list; ARCHITECTURE.md says why.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Floor 0.
mod event;
mod sync;

// Floor 1.
mod listener;

// Floor 2.
mod registry;

// Floor 3.
mod dispatch;

// Floor 4.
mod bus;

pub use bus::{Bus, BusBuilder, Emit, EmitError, Emitter, Listener, NoState, Report, Scope, ScopeGuard, WeakBus, With};
pub use dispatch::EmissionId;
pub use event::{Event, EventName, EventType, Field, IntoEvent};
pub use listener::{
    BoxError, Chain, Failure, ListenerId, ListenerInfo, NotRun, Ok, Outcome, Return, StateListener, SyncListener,
};
pub use registry::{Subscription, SubscriptionGuard};
