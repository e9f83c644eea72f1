//! What an interceptor sees of an event that is published, and how its publishing ends.

use std::{fmt, sync::Arc};

use super::{message_info::MessageInfo, test_plan::TestPlan};
use crate::call::{EmissionId, TraceContext};

/// An event that is about to be published, as an [`Interceptor`](super::Interceptor) sees it.
pub struct PublishInfo<'a> {
    message: MessageInfo<'a>,
    emission: Option<EmissionId>,
    batch: usize,
    trace: Option<TraceContext>,
    pub(crate) plan: TestPlan,
}

impl<'a> PublishInfo<'a> {
    pub(crate) fn new(message: MessageInfo<'a>, emission: Option<EmissionId>, batch: usize) -> Self {
        Self { message, emission, batch, trace: None, plan: TestPlan::default() }
    }

    /// The message.
    pub fn message(&self) -> &MessageInfo<'a> {
        &self.message
    }

    /// The emission whose listener publishes it, if one does.
    pub fn emission(&self) -> Option<EmissionId> {
        self.emission
    }

    /// How many events are published together: 1, but for [`publish_all`](crate::Bus::publish_all).
    pub fn batch_len(&self) -> usize {
        self.batch
    }

    /// The trace that the message takes along: what an interceptor has set here, further out.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// Sets the trace that the message takes along, to its handlers in whatever process. The last one set counts.
    pub fn set_trace(&mut self, trace: TraceContext) {
        self.trace = Some(trace);
    }

    /// What the interceptors have set: the trace, and whether a test fakes the publish.
    pub(crate) fn into_answer(self) -> (Option<TraceContext>, bool) {
        (self.trace, self.plan.is_faked())
    }
}

impl fmt::Debug for PublishInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishInfo")
            .field("message", &self.message)
            .field("emission", &self.emission)
            .field("batch_len", &self.batch)
            .finish_non_exhaustive()
    }
}

/// How the publishing of an event ended; see [`Around::end`](super::Around::end).
#[derive(Clone, Debug)]
pub struct PublishEnd(Option<NotPublished>);

#[derive(Clone, Debug)]
struct NotPublished {
    reason: &'static str,
    error: Option<Arc<str>>,
}

impl PublishEnd {
    /// The transport has taken it.
    pub(crate) const PUBLISHED: Self = Self(None);

    /// The reason of a publisher that was dropped before it was ready.
    pub(crate) const DROPPED: &'static str = "dropped";

    /// The reason of an event of which nothing is known.
    pub(crate) const UNKNOWN: &'static str = "unknown";

    pub(crate) fn refused(reason: &'static str, error: Option<Arc<str>>) -> Self {
        Self(Some(NotPublished { reason, error }))
    }

    /// Whether the transport has taken the event.
    pub fn is_ok(&self) -> bool {
        self.0.is_none()
    }

    /// Whether it is unknown if the transport has it: it was sent, and no answer came.
    pub fn is_unknown(&self) -> bool {
        self.reason() == Some(Self::UNKNOWN)
    }

    /// Why the event was not published, in a word, one of a few: `full`, `closed`, `refused`, `unknown` ..; the kind of the
    /// [`PublishError`](crate::PublishError), or `dropped` for a publisher that was dropped before it was ready.
    pub fn reason(&self) -> Option<&'static str> {
        self.0.as_ref().map(|refused| refused.reason)
    }

    /// What the transport, the codec or the interceptor says that was at fault, if one was.
    pub fn error(&self) -> Option<&str> {
        self.0.as_ref()?.error.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::PublishEnd;

    #[test]
    fn only_a_missing_answer_leaves_it_unknown_whether_an_event_was_published() {
        let refused = |reason| PublishEnd::refused(reason, None);
        assert!(refused(PublishEnd::UNKNOWN).is_unknown());
        assert!(!refused(PublishEnd::DROPPED).is_unknown());
        assert!(!PublishEnd::PUBLISHED.is_unknown());
    }
}
