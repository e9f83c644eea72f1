//! A statically typed event bus.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use eventbus_core::{
    BoxError, Bus, BusBuilder, Chain, EmissionId, Emit, EmitError, Emitter, Event, EventName, EventType, Failure,
    Field, IntoEvent, Listener, ListenerId, ListenerInfo, NoState, NotRun, Ok, Outcome, Report, Return, Scope,
    ScopeGuard, StateListener, Subscription, SubscriptionGuard, SyncListener, WeakBus, With,
};
#[cfg(feature = "derive")]
pub use eventbus_derive::Event;
