//! Floor 2: what surrounds a call of user code: isolation from panics, the frame, time, and the cancellation signal.
//!
//! Nothing here knows a bus or a registry. What is in this folder is compiled once, whatever the event's type.

mod any_event;
mod bus_id;
mod caller;
mod cause;
mod clock;
mod context;
mod emission_id;
mod frame;
mod injected;
mod isolated;
mod isolated_future;
mod levels;
mod message_id;
mod signal;
mod storms;
mod trace_context;

pub use any_event::AnyEvent;
#[cfg(feature = "serde")]
pub use any_event::JsonError;
pub(crate) use any_event::{ShareEvent, Shared, UnclaimedContent};
pub(crate) use bus_id::BusId;
pub(crate) use caller::Caller;
pub(crate) use cause::{Before, CAUSES, Cause};
pub(crate) use clock::{Clock, Deadline, EmissionLimits, Stop, Timer, has_fired, timer};
pub(crate) use context::CallContext;
pub use emission_id::EmissionId;
pub(crate) use frame::Frame;
pub(crate) use injected::Injected;
#[cfg(feature = "testing")]
pub(crate) use injected::InjectedEnd;
pub(crate) use isolated::Isolated;
pub(crate) use isolated_future::{IsolatedFuture, ListenerFuture, panicked};
pub(crate) use levels::{Nested, NestedPlain, chain, refused_id};
pub use message_id::MessageId;
#[cfg(feature = "serde")]
pub(crate) use message_id::nanos;
pub(crate) use signal::Signal;
pub use trace_context::TraceContext;
