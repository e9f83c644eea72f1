//! The context of a listener: the emission that called it.

use std::{fmt, sync::Arc};

use super::handle::{Bus, WeakBus};
use crate::{
    call::{CallContext, EmissionId, Frame, Signal},
    event::EventType,
    listener::{Subject, async_callable, callable},
};

/// The emission that called a listener, for listeners that ask for it with `with_context()`.
///
/// It may be cloned, kept and sent elsewhere. While it lives it keeps the bus alive.
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct OrderPaid { id: u64 }
/// # impl Event for OrderPaid { const NAME: EventName = EventName::new("order.paid"); }
/// # struct OrderShipped { id: u64 }
/// # impl Event for OrderShipped { const NAME: EventName = EventName::new("order.shipped"); }
/// let bus = Bus::new();
/// bus.listener::<OrderPaid>().with_context().on(|e, cx| {
///     if cx.is_cancelled() {
///         return eventbus::Ok(());
///     }
///     cx.bus().emit(OrderShipped { id: e.id }).blocking().into_result()?;
///     eventbus::Ok(())
/// });
/// assert!(bus.emit(OrderPaid { id: 7 }).blocking().is_ok());
/// ```
#[derive(Clone)]
pub struct Context {
    bus: Bus,
    subject: Subject,
    emission: EmissionId,
    signal: Arc<Signal>,
}

impl Context {
    /// The context of the running call.
    pub(crate) fn new(bus: &WeakBus, subject: Subject, call: &mut CallContext<'_>) -> Self {
        let frame = Frame::now();
        match (bus.upgrade(), frame.emission()) {
            (Some(bus), Some(emission)) => {
                Self { bus: Bus::inside(&bus.state, frame), subject, emission, signal: call.signal() }
            }
            _ => unreachable!("an emission calls, and keeps its bus alive"),
        }
    }

    /// The bus, to emit on. What is emitted through this handle, also from a task of your own, counts as caused by this
    /// emission.
    pub fn bus(&self) -> Bus {
        self.bus.clone()
    }

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
        self.emission
    }

    /// Whether the emission has been cancelled: its future dropped, its time up, its token cancelled, its task aborted.
    ///
    /// An async listener inside the emitting task is stopped at its next await anyway; a synchronous, spawned or blocking one
    /// asks, and ends early. A listener that gives up should return an error: if it returns without one it has finished well,
    /// however late, and the report says so. A synchronous listener does not see, while it runs, that a future given to `until`
    /// is ready.
    pub fn is_cancelled(&self) -> bool {
        self.signal.is_set()
    }

    /// Waits until the emission is cancelled; for ever, if it ends without being cancelled.
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
