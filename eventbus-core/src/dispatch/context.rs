//! What an emission lends to its listeners.

use std::{any::Any, fmt, sync::Arc};

use super::{
    EmissionId, Frame, Gate,
    any_event::ShareEvent,
    signal::{LazySignal, Signal},
};
use crate::{
    event::EventType,
    listener::{Failure, Subject, async_callable, callable},
};

/// The bus, seen from this floor.
pub(crate) trait Host: Send + Sync {
    /// A handle that keeps the bus alive.
    fn share(&self) -> Arc<dyn Host>;

    /// The bus as what it is, for the floor that knows it.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;

    /// Tells the failure hook of a failure that no report will hold.
    fn tell(&self, failure: Failure);

    /// What it has started and what has not ended.
    #[cfg(feature = "tokio")]
    fn tasks(&self) -> &super::Tasks;
}

/// The surroundings of the listeners of one emission, on the stack of who runs them. Its frame is the current one.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) subject: &'a Subject,
    /// The event, if it is in an `Arc`.
    pub(crate) shared: Option<&'a dyn ShareEvent>,
    pub(crate) signal: &'a LazySignal,
    /// Makes the signal, should a listener ask for it.
    pub(crate) make_signal: &'a dyn Fn() -> Signal,
    /// The interceptors, if there are any. Only listeners whose turn asks them see it.
    pub(crate) gate: Option<&'a dyn Gate>,
}

impl Scene<'_> {
    /// The context, for a listener that asked for one.
    pub(crate) fn context(&self) -> Context {
        Context {
            host: self.host.share(),
            subject: self.subject.clone(),
            frame: Frame::now(),
            signal: self.signal.get_or_make(self.make_signal),
        }
    }
}

/// The emission that called a listener, for listeners that ask for it with `with_context()`.
///
/// It may be cloned, kept and sent elsewhere. While it lives it keeps the bus alive.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct OrderPaid { id: u64 }
/// # impl Event for OrderPaid { const NAME: EventName = EventName::new("order.paid"); }
/// # struct OrderShipped { id: u64 }
/// # impl Event for OrderShipped { const NAME: EventName = EventName::new("order.shipped"); }
/// let bus = Bus::new();
/// bus.listener::<OrderPaid>().with_context().on(|e, cx| {
///     if cx.is_cancelled() {
///         return eventbus_core::Ok(());
///     }
///     cx.bus().emit(OrderShipped { id: e.id }).blocking().into_result()?;
///     eventbus_core::Ok(())
/// });
/// assert!(bus.emit(OrderPaid { id: 7 }).blocking().is_ok());
/// ```
#[derive(Clone)]
pub struct Context {
    pub(crate) host: Arc<dyn Host>,
    subject: Subject,
    pub(crate) frame: Frame,
    signal: Arc<Signal>,
}

impl Context {
    /// The name of the event that is emitted.
    pub fn event_name(&self) -> &str {
        self.subject.name()
    }

    /// The type of the event, if a type claims its name.
    pub fn event_type(&self) -> Option<&'static EventType> {
        self.subject.event_type()
    }

    /// The emission's id.
    pub fn emission(&self) -> EmissionId {
        self.frame.emission
    }

    /// Whether the emission has been cancelled: its future dropped, its time up, its token cancelled, its task aborted.
    ///
    /// An async listener inside the emitting task is stopped at its next await anyway; a synchronous, spawned or blocking
    /// one asks, and ends early. One that gives up returns an error: a listener that returns well has finished well, however
    /// late, and the report says so. Of a future given to `until` a synchronous listener sees nothing while it runs.
    pub fn is_cancelled(&self) -> bool {
        self.signal.is_set()
    }

    /// Waits until the emission is cancelled; for ever, if it ends without.
    ///
    /// Cancel safe: dropping the future loses nothing.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        let signal = Arc::clone(&self.signal);
        async move { signal.wait().await }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("event", &self.event_name())
            .field("emission", &self.emission())
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

callable! {
    /// Code that sees its emission: `Fn(&E, &Context)`.
    ContextListener[E](&E, &Context)
}
callable! {
    /// The same with state: `Fn(S, &E, &Context)`, `S` cloned for each call.
    ContextStateListener[S, E](S, &E, &Context)
}
async_callable! {
    /// Code that waits and sees its emission: `Fn(Arc<E>, Context) -> Future`.
    AsyncContextListener[E](Arc<E>, Context)
}
async_callable! {
    /// The same with state: `Fn(S, Arc<E>, Context) -> Future`, `S` cloned for each call.
    AsyncContextStateListener[S, E](S, Arc<E>, Context)
}
