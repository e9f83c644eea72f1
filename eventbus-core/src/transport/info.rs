//! A message, as interceptors see it.

use super::Message;
use crate::{call::AnyEvent, emission::MessageInfo};

impl Message {
    /// Calls `look` with what interceptors see of the message.
    pub(crate) fn with_info<T>(&self, look: impl FnOnce(MessageInfo<'_>) -> T) -> T {
        let event = || Some(AnyEvent::of_content(self.subject(), self.as_content().ok()?));
        look(MessageInfo {
            id: self.id(),
            subject: self.subject(),
            time: self.time(),
            source: self.source(),
            key: self.key(),
            not_before: self.not_before(),
            causation: self.causation_id(),
            correlation: self.correlation_id(),
            hops: self.hops(),
            trace: self.trace(),
            event: &event,
        })
    }
}
