//! What an interceptor puts around an emission, a call, a publish or a delivery.

use crate::listener::Outcome;

/// Lives as long as what it is around: an emission, which ends with a [`Report`](crate::Report); the call of a listener, which ends
/// with a [`CallEnd`]; a publish, with a [`PublishEnd`](crate::PublishEnd); an attempt to handle a delivery, with a
/// [`DeliveryEnd`](crate::DeliveryEnd).
///
/// A closure `|end: &CallEnd| ..` is one too: its [`end`](Self::end). See [`Interceptor`](crate::Interceptor).
pub trait Around<End>: Send {
    /// Runs a part of it. An implementation calls `part` once, and may do something before and after: enter a span, set a
    /// thread-local.
    ///
    /// The parts of an emission: its beginning, with all synchronous listeners, then each of its polls. The parts of a call:
    /// the call itself; of an async listener the making of its future, each of its polls, and its drop where it is stopped. Of a
    /// publish: each of its polls; those of `publish_all` are no parts. Of a delivery: each poll of its handler, and its drop where it
    /// is stopped; the deliveries of a batch share one handler, whose polls are parts of the first of them. Parts may run on
    /// different threads, never two at a time.
    ///
    /// This method does not learn whether a part went well: a listener that panics does not unwind through this.
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
    refused_by: Option<&'static str>,
}

impl CallEnd {
    pub(super) fn new(outcome: Option<Outcome>) -> Self {
        Self { outcome, refused_by: None }
    }

    /// Of a call that the interceptor of this type has refused.
    pub(super) fn refused(outcome: Outcome, by: &'static str) -> Self {
        Self { outcome: Some(outcome), refused_by: Some(by) }
    }

    /// Whether the listener finished well.
    pub fn is_ok(&self) -> bool {
        self.outcome.is_none()
    }

    /// What became of the call, if the listener did not finish well.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// The type of the interceptor that refused the call, if one did.
    pub fn refused_by(&self) -> Option<&'static str> {
        self.refused_by
    }
}
