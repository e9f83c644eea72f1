//! Publishing after the commit.

use std::{pin::Pin, sync::Arc};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Publish, PublishError};
use crate::{
    bus::{Bus, Deferred, KeptEvent, PublishStep, Step, Unpublished},
    dispatch::Isolated,
    event::{Event, EventName, IntoEvent},
};

impl Deferred {
    /// Keeps an event to be published, behind those that are kept; see [`Bus::publish`]. What cannot be published when it is
    /// released is in [`Released::unpublished`](crate::Released::unpublished).
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { id: u64 }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let pending = bus.deferred();
    /// pending.publish(UserCreated { id: 7 });
    /// // .. the transaction commits ..
    /// pending.release().await.into_result()?;
    /// assert_eq!(bus.stats().published.accepted, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish<I: IntoEvent>(&self, event: I) {
        self.keep(Box::new(ToPublish(Isolated::new(event.into_arc()))));
    }
}

/// An event for the transport.
struct ToPublish<E>(Isolated<Arc<E>>);

impl<E: Event> KeptEvent for ToPublish<E> {
    fn name(&self) -> EventName {
        E::NAME
    }

    fn release<'b>(&self, bus: &'b Bus) -> Step<'b> {
        Step::Publish(Box::new(bus.publish(Arc::clone(self.0.get()))))
    }
}

impl<E: Event> PublishStep for Publish<'_, Arc<E>> {
    fn wait<'s>(
        self: Box<Self>,
        tokens: &[CancellationToken],
        deadline: Option<Instant>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Unpublished>> + Send + 's>>
    where
        Self: 's,
    {
        let publish = tokens.iter().fold(*self, Publish::cancel_on);
        let publish = match deadline {
            Some(deadline) => publish.timeout(deadline.saturating_duration_since(Instant::now())),
            None => publish,
        };
        Box::pin(async move { publish.await.map_err(unpublished) })
    }

    fn at_once(self: Box<Self>) -> Result<(), Unpublished> {
        Publish::at_once(*self).map_err(unpublished)
    }
}

fn unpublished<E: Event>(error: PublishError<Arc<E>>) -> Unpublished {
    Unpublished { event: E::NAME, error: Arc::new(error) }
}
