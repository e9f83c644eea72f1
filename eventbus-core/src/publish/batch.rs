//! Publishing many events.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use super::{Publish, PublishError};
use crate::event::IntoEvent;

/// Events that are about to be published; made by [`Bus::publish_all`](crate::Bus::publish_all).
///
/// # Cancel safety
///
/// As for [`Publish`]: dropped before it is ready, those events have not been published whose turn had not come. To have them back,
/// poll it by reference and call [`into_events`](Self::into_events).
#[must_use = "nothing is published until it is awaited"]
pub struct PublishAll<'b, I: IntoEvent> {
    events: Vec<Item<'b, I>>,
    /// The first that has no result.
    next: usize,
}

#[expect(clippy::large_enum_variant, reason = "each begins as the large one")]
enum Item<'b, I: IntoEvent> {
    Under(Publish<'b, I>),
    Ended(Option<Result<(), PublishError<I>>>),
}

// Nothing in it is pinned in place.
impl<I: IntoEvent> Unpin for PublishAll<'_, I> {}

impl<'b, I: IntoEvent> PublishAll<'b, I> {
    pub(super) fn new(events: impl Iterator<Item = Publish<'b, I>>) -> Self {
        Self { events: events.map(Item::Under).collect(), next: 0 }
    }

    /// Takes back the events that have not been published, in their order; those that were refused among them.
    pub fn into_events(self) -> Vec<I> {
        let event = |item| match item {
            Item::Under(publish) => publish.into_event(),
            Item::Ended(result) => result?.err().map(PublishError::into_event),
        };
        self.events.into_iter().filter_map(event).collect()
    }
}

impl<I: IntoEvent> Future for PublishAll<'_, I> {
    type Output = Vec<Result<(), PublishError<I>>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { events, next } = &mut *self;
        for item in &mut events[*next..] {
            let Item::Under(publish) = item else { continue };
            match Pin::new(&mut *publish).poll(cx) {
                Poll::Ready(result) => *item = Item::Ended(Some(result)),
                // The next one may be sent after it. A transport that then has no room for the first may change their order.
                Poll::Pending if publish.is_sent() => {}
                Poll::Pending => break,
            }
        }
        *next += events[*next..].iter().take_while(|item| matches!(item, Item::Ended(_))).count();
        if *next < events.len() {
            return Poll::Pending;
        }
        let result = |item| match item {
            Item::Ended(Some(result)) => result,
            _ => panic!("polled after it was ready"),
        };
        Poll::Ready(std::mem::take(events).into_iter().map(result).collect())
    }
}

impl<I: IntoEvent> fmt::Debug for PublishAll<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishAll").field("events", &self.events.len()).field("ended", &self.next).finish()
    }
}
