//! What interceptors have put around the publishing of an event.

use super::super::error::Why;
use crate::{
    emission::{Bus, GuardStack, PublishEnd, PublishInfo},
    transport::Message,
};

/// The guards around the publishing of an event, which end once. Most have none.
///
/// Dropped before it has ended, it ends as dropped.
pub(super) struct PublishGuard(GuardStack<PublishEnd>);

impl PublishGuard {
    pub(super) const fn none() -> Self {
        Self(GuardStack::none())
    }

    /// Runs a part of it.
    pub(super) fn part<T>(&mut self, part: impl FnOnce() -> T) -> T {
        self.0.part(part)
    }

    /// Tells the guards how it has ended; `None` is success. Only the first time counts.
    pub(super) fn end(&mut self, why: Option<&Why>) {
        if !self.0.is_none() {
            self.0.end(&why.map_or(PublishEnd::PUBLISHED, |why| PublishEnd::refused(why.reason(), why.text())));
        }
    }
}

impl Default for PublishGuard {
    fn default() -> Self {
        Self::none()
    }
}

impl Drop for PublishGuard {
    fn drop(&mut self) {
        if !self.0.is_none() {
            self.0.end(&PublishEnd::refused(PublishEnd::DROPPED, None));
        }
    }
}

/// Asks the interceptors of a bus whether a message may be published, and gives it the trace that they have set. `true` if a test
/// fakes the publish.
pub(super) fn ask(bus: &Bus, message: &mut Message, batch: usize, guard: &mut PublishGuard) -> Result<bool, Why> {
    let emission = bus.frame().and_then(|frame| frame.emission());
    let (asked, (trace, is_faked)) = message.with_info(|info| {
        let mut publish = PublishInfo::new(info, emission, batch);
        let asked = bus.state.interceptors.admit_publish(&mut publish, &mut guard.0);
        (asked, publish.into_answer())
    });
    if let Some(trace) = trace {
        message.set_trace(trace);
    }
    asked.map(|()| is_faked).map_err(Why::Refused)
}
