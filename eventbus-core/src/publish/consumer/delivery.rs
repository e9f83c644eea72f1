//! What a handler learns of its delivery.

use std::{fmt, sync::Arc, time::SystemTime};

use super::shared::Seat;
use crate::{
    call::Frame,
    emission::Bus,
    publish::{Message, MessageId},
};

/// One delivery of a message to a handler.
///
/// A clone is the same delivery. It may be kept; it does not keep the bus alive.
#[derive(Clone)]
pub struct Delivery {
    pub(super) message: Message,
    pub(super) attempt: u32,
    pub(super) seat: Arc<Seat>,
}

impl Delivery {
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
        &self.seat.shared.name
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
        let bus = self.seat.shared.bus.upgrade()?;
        let cause = self.message.cause(self.seat.shared.bus_id);
        Some(bus.with_origin(Frame::of_handler(cause)))
    }

    /// Whether the handler is to end: the time of its consumer's stop, or of the bus's shutdown, is up. An async handler is then
    /// stopped at its next await.
    pub fn is_cancelled(&self) -> bool {
        self.seat.shared.cancel.is_cancelled()
    }

    /// Waits until the handler is to end. Cancel safe.
    pub fn cancelled(&self) -> impl Future<Output = ()> + Send + 'static {
        self.seat.shared.cancel.clone().cancelled_owned()
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
