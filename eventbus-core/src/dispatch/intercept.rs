//! What interceptors see, and what they put around emissions and calls.
//!
//! The seam around calls is here, where listeners are called; that around emissions, and the trait that users implement,
//! are a floor above, where reports are.

use std::fmt;

use super::{AnyEvent, EmissionId, Frame, Host, Pass, Scene, ShareEvent};
use crate::{
    event::{Event, EventType},
    listener::{ListenerInfo, NotRun, Outcome},
};

/// Lives as long as what it is around: an emission, which ends with a [`Report`](crate::Report), or the call of a listener,
/// which ends with a [`CallEnd`].
///
/// A closure `|end: &CallEnd| ..` is one too: its [`end`](Self::end). See [`Interceptor`](crate::Interceptor).
pub trait Around<End>: Send {
    /// Runs a part of it. Is to call `part` once, and may do something before and after: enter a span, set a thread-local.
    ///
    /// The parts of an emission: its beginning, with all synchronous listeners, then each of its polls. The parts of a call:
    /// the call itself; of an async listener the making of its future, each of its polls, and its drop where it is stopped.
    /// Parts may run on different threads, never two at a time.
    ///
    /// Whether a part was well is not to be learnt here: a listener that panics does not unwind through this.
    ///
    /// If `part` is not called, or this panics before it does, the bus runs the part itself; the second call of a `part` does
    /// nothing. The panic is contained, and written to stderr.
    fn part(&mut self, part: &mut dyn FnMut()) {
        part();
    }

    /// It has ended, as `end` says: well, badly, cancelled, timed out, refused by an interceptor further in, or dropped.
    ///
    /// Comes exactly once, after the last part, and changes nothing of the report; to look at that does not count as reading its
    /// failures. The call of a listener that is left behind ends when the listener does, perhaps after its emission. A panic
    /// is contained, and written to stderr. (It does not come if the event itself panics in its `Drop` as the emission
    /// ends: nothing is promised there.)
    fn end(self: Box<Self>, end: &End) {
        let _ = end;
    }
}

impl<End, F: FnOnce(&End) + Send> Around<End> for F {
    fn end(self: Box<Self>, end: &End) {
        self(end);
    }
}

/// How the call of a listener ended; see [`Around::end`].
#[derive(Clone, Debug)]
pub struct CallEnd {
    outcome: Option<Outcome>,
}

impl CallEnd {
    pub(super) fn new(outcome: Option<Outcome>) -> Self {
        Self { outcome }
    }

    /// Whether the listener finished well.
    pub fn is_ok(&self) -> bool {
        self.outcome.is_none()
    }

    /// What became of the call, if the listener did not finish well.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }
}

/// An emission, as an [`Interceptor`](crate::Interceptor) sees it.
pub struct EmissionInfo<'a> {
    pub(crate) host: &'a dyn Host,
    event: AnyEvent<'a>,
    emission: EmissionId,
}

impl<'a> EmissionInfo<'a> {
    /// Of the emission whose frame is the current one.
    pub(crate) fn of<E: Event>(event: &'a E, shared: Option<&'a dyn ShareEvent>, host: &'a dyn Host) -> Self {
        Self { host, event: AnyEvent::borrowed(event, shared), emission: Frame::now().emission }
    }

    /// The name of the event that is emitted.
    pub fn event_name(&self) -> &str {
        self.event.name()
    }

    /// The version of the event.
    pub fn version(&self) -> u32 {
        self.event.version()
    }

    /// The type of the event, if a type claims its name.
    pub fn event_type(&self) -> Option<&'static EventType> {
        self.event.event_type()
    }

    /// The event.
    pub fn event(&self) -> &AnyEvent<'a> {
        &self.event
    }

    /// The emission's id.
    pub fn emission(&self) -> EmissionId {
        self.emission
    }
}

impl fmt::Debug for EmissionInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmissionInfo")
            .field("event", &self.event)
            .field("emission", &self.emission)
            .finish_non_exhaustive()
    }
}

/// The interceptors of a bus, as calls ask them.
pub(crate) trait Gate: Send + Sync {
    /// Whether a listener may be called, and what is around its call. Does not panic.
    fn enter(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Result<Pass, NotRun>;
}

/// Asks the interceptors, if there are any, before a listener is called.
pub(super) fn enter<E: Event>(event: &E, listener: &ListenerInfo, scene: &Scene<'_>) -> Result<Pass, NotRun> {
    match scene.gate {
        None => Ok(Pass::free()),
        Some(gate) => gate.enter(&EmissionInfo::of(event, scene.shared, scene.host), listener),
    }
}
