//! Floor 4: one emission: the handle of the bus, the loop over synchronous listeners, awaited listeners, the report.
//!
//! Generic in the event are the shells of [`Emit`] and [`Emitter`], the start of an emission, and the loop over synchronous
//! listeners. Everything else knows an event as an [`AnyEvent`](crate::AnyEvent) and is compiled once.

mod admission;
#[cfg(feature = "testing")]
mod ambient;
mod around;
mod begin;
mod cached;
mod context;
mod counted;
mod delivery_info;
mod emission_info;
mod emit;
mod emitter;
mod failure_counts;
mod failure_hook;
mod guards;
mod handle;
mod interceptors;
mod kept_events;
mod listener_task;
mod message_info;
mod options;
mod parts;
mod pattern_callable;
mod payload;
mod pending;
mod publish_info;
mod report;
mod run;
mod running;
mod spawn;
mod stage;
mod start;
mod task;
mod tasks;
mod test_plan;
mod wait;
mod waking;
mod warning;
mod work;

#[cfg(feature = "testing")]
pub(crate) use ambient::AmbientInterceptor;
pub use around::{Around, CallEnd};
pub use context::{AsyncContextListener, AsyncContextStateListener, Context, ContextListener, ContextStateListener};
pub use delivery_info::{DeliveryEnd, DeliveryInfo};
pub use emit::{Emit, EmitAny};
pub use emitter::Emitter;
pub(crate) use failure_hook::FailureHook;
pub(crate) use guards::GuardStack;
pub use handle::{Bus, EmissionInfo, Intercepted, Interceptor, Skipped, WeakBus};
pub(crate) use handle::{BusState, Interceptors};
pub use kept_events::DeferredStats;
pub(crate) use kept_events::KeptEvents;
pub use message_info::MessageInfo;
pub(crate) use parts::Parts;
pub use pattern_callable::{
    AsyncPatternContextListener, AsyncPatternContextStateListener, AsyncPatternListener, AsyncPatternStateListener,
    PatternContextListener, PatternContextStateListener, PatternListener, PatternStateListener,
};
pub use publish_info::{PublishEnd, PublishInfo};
pub use report::{EmitError, Report};
pub use spawn::EmitHandle;
pub use tasks::InFlight;
pub(crate) use tasks::Tasks;
pub(crate) use test_plan::TestPlan;
pub(crate) use wait::Mode;
pub use warning::Warning;
pub(crate) use warning::Warnings;
