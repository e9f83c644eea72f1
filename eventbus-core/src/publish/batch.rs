//! Publishing many events.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use super::{
    PublishAllError,
    events::{back_of, content_of, parts_of},
    sending::{Rejected, SendingAll},
};
use crate::{
    emission::Bus,
    event::{IntoEvent, isolate},
};

impl Bus {
    /// Publishes events in one batch; a result for each, in their order.
    ///
    /// It waits as [`publish`](Self::publish) does. An event that is refused does not keep those behind it back.
    ///
    /// # Errors
    ///
    /// For each event that was not published a [`PublishAllError`], which hands it back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Tick(u32);
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// for result in bus.publish_all((1..=3).map(Tick)).await {
    ///     result?;
    /// }
    /// assert_eq!(bus.stats().published.accepted, 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_all<I: IntoEvent>(&self, events: impl IntoIterator<Item = I>) -> PublishAll<'_, I> {
        PublishAll::new(self, events)
    }
}

/// Events that are about to be published; made by [`Bus::publish_all`](crate::Bus::publish_all).
///
/// # Cancel safety
///
/// As for [`Publish`](super::Publish): dropped before it is ready, those events have not been published that wait for room. To
/// have them back, poll it by reference and call [`into_events`](Self::into_events).
#[must_use = "nothing is published until it is awaited"]
pub struct PublishAll<'b, I: IntoEvent> {
    bus: &'b Bus,
    /// Until it is first polled.
    events: Vec<I>,
    sending: Option<SendingAll<'b>>,
    is_over: bool,
}

// Nothing in it is pinned in place.
impl<I: IntoEvent> Unpin for PublishAll<'_, I> {}

impl<'b, I: IntoEvent> PublishAll<'b, I> {
    pub(super) fn new(bus: &'b Bus, events: impl IntoIterator<Item = I>) -> Self {
        Self { bus, events: events.into_iter().collect(), sending: None, is_over: false }
    }

    /// Takes back the events that have not been published, in their order; those that were refused among them.
    pub fn into_events(mut self) -> Vec<I> {
        match &mut self.sending {
            Some(sending) => sending.take_back().into_iter().filter_map(back_of).collect(),
            None => std::mem::take(&mut self.events),
        }
    }
}

impl<I: IntoEvent> Future for PublishAll<'_, I> {
    type Output = Vec<Result<(), PublishAllError<I>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { bus, events, sending, is_over } = &mut *self;
        assert!(!*is_over, "polled after it was ready");
        let sending = sending.get_or_insert_with(|| SendingAll::new(bus, &mut events.drain(..).map(content_of)));
        let polled = sending.poll(cx);
        *is_over = polled.is_ready();
        polled.map(|results| results.into_iter().map(|result| result.map_err(error_of)).collect())
    }
}

fn error_of<I: IntoEvent>(rejected: Rejected) -> PublishAllError<I> {
    let (why, id, event) = parts_of(rejected);
    PublishAllError::new(why, id, event)
}

impl<I: IntoEvent> Drop for PublishAll<'_, I> {
    fn drop(&mut self) {
        for event in self.events.drain(..) {
            // Foreign code, which was not published.
            let _ = isolate(|| drop(event));
        }
    }
}

impl<I: IntoEvent> fmt::Debug for PublishAll<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, ended) = match &self.sending {
            Some(sending) => (sending.len(), sending.ended()),
            None => (self.events.len(), 0),
        };
        f.debug_struct("PublishAll").field("events", &events).field("ended", &ended).finish()
    }
}
