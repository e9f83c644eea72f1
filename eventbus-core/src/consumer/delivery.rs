//! What a handler learns of its delivery.

use std::{fmt, sync::Arc, time::SystemTime};

use super::desk::Desk;
use crate::{
    call::{Cause, Frame, MessageId},
    emission::Bus,
    transport::{Leased, Message},
};

/// One delivery of a message to a handler.
///
/// A clone is the same delivery. It may be kept; it does not keep the bus alive.
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// # use eventbus_core::{Event, EventName};
/// # struct ImportRequested { rows: u32 }
/// # impl Event for ImportRequested { const NAME: EventName = EventName::new("import.requested"); }
/// # struct Imported;
/// # impl Event for Imported { const NAME: EventName = EventName::new("imported"); }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), eventbus::BoxError> {
/// use std::time::Duration;
/// use eventbus::Bus;
///
/// let bus = Bus::new();
/// let importer = bus.consumer("importer").handle::<ImportRequested>(|e, delivery| async move {
///     println!("{} for {}, attempt {}", delivery.id(), delivery.group(), delivery.attempt());
///     for row in 0..e.rows {
///         if delivery.is_cancelled() {
///             return Err("stopped half-way".into()); // no failed attempt: the delivery goes back
///         }
///         println!("row {row}");
///     }
///     let bus = delivery.bus().ok_or("the bus is gone")?;
///     bus.publish(Imported).await?; // caused by this delivery
///     eventbus::Ok(())
/// });
/// importer.start().await?;
///
/// bus.publish(ImportRequested { rows: 2 }).await?;
/// bus.drained(Duration::from_secs(5)).await?;
/// assert_eq!(bus.stats().published.accepted, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Delivery {
    message: Message,
    attempt: u32,
    desk: Arc<Desk>,
}

impl Delivery {
    #[inline]
    pub(super) fn of(leased: &Leased, desk: &Arc<Desk>) -> Self {
        Self { message: leased.message.clone(), attempt: leased.attempts() + 1, desk: Arc::clone(desk) }
    }

    /// The message's id: the same at each attempt, so that a handler can tell that it has seen it.
    pub fn id(&self) -> MessageId {
        self.message.id()
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The group.
    pub fn group(&self) -> &str {
        &self.desk.consumer.name
    }

    /// When the event was published.
    pub fn time(&self) -> SystemTime {
        self.message.time()
    }

    /// The message: its key, its source, the chain that it belongs to.
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The bus, to emit and publish on. What is published through this handle, also from a task of your own, counts as caused
    /// by this delivery. `None` if the bus is gone.
    pub fn bus(&self) -> Option<Bus> {
        let bus = self.desk.consumer.bus.upgrade()?;
        Some(bus.with_origin(Frame::of_handler(self.cause())))
    }

    /// Whether the handler is to end: the time of its consumer's stop, or of the bus's shutdown, is up. An async handler is then
    /// stopped at its next await. An error that it returns from now on counts as no failed attempt: the delivery goes back.
    pub fn is_cancelled(&self) -> bool {
        self.desk.consumer.cancel.is_cancelled()
    }

    /// Waits until the handler is to end. Cancel safe.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        self.desk.consumer.cancel.clone().cancelled_owned()
    }

    #[inline]
    pub(super) fn cause(&self) -> Cause {
        self.message.cause(self.desk.consumer.bus_id)
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("group", &self.group())
            .field("attempt", &self.attempt)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}
