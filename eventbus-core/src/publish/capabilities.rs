//! What transports can do.

use std::time::Duration;

/// What a transport can do: [`IN_PROCESS`](Self::IN_PROCESS), and what is different.
///
/// ```
/// use std::time::Duration;
/// use eventbus_core::{Capabilities, Durability};
///
/// let disk = Capabilities::IN_PROCESS.with_codec().with_durability(Durability::Disk).with_lease(Duration::from_secs(30));
/// assert!(disk.needs_codec);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Capabilities {
    /// What a message survives that has been taken.
    pub durability: Durability,
    /// Whether the order of publishing is kept within a group. Without it a consumer cannot have a
    /// [`key`](super::ConsumerBuilder::key).
    pub ordering: Ordering,
    /// Whether a new group can read what was published before.
    pub replay: bool,
    /// Whether it carries bytes: events need a codec (`#[event(serde)]`) then.
    pub needs_codec: bool,
    /// The most bytes that an event may have, where there is a bound. The bus refuses a larger one before it is sent
    /// ([`PublishError::TooLarge`](super::PublishError::TooLarge)); events that are not carried in bytes have none.
    pub max_payload: Option<usize>,
    /// After how long a lease runs out that is not extended; `None` for never.
    pub lease: Option<Duration>,
}

impl Capabilities {
    /// Those of a transport inside the process: nothing outlives it, order is kept, events need no codec.
    pub const IN_PROCESS: Self = Self {
        durability: Durability::Process,
        ordering: Ordering::Group,
        replay: false,
        needs_codec: false,
        max_payload: None,
        lease: None,
    };

    /// With this durability.
    #[must_use]
    pub const fn with_durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// With this order.
    #[must_use]
    pub const fn with_ordering(self, ordering: Ordering) -> Self {
        Self { ordering, ..self }
    }

    /// With what was published before, for new groups.
    #[must_use]
    pub const fn with_replay(self) -> Self {
        Self { replay: true, ..self }
    }

    /// With bytes instead of events.
    #[must_use]
    pub const fn with_codec(self) -> Self {
        Self { needs_codec: true, ..self }
    }

    /// With a bound for an event's bytes.
    #[must_use]
    pub const fn with_max_payload(self, bytes: usize) -> Self {
        Self { max_payload: Some(bytes), ..self }
    }

    /// With leases that run out.
    #[must_use]
    pub const fn with_lease(self, time: Duration) -> Self {
        Self { lease: Some(time), ..self }
    }
}

/// What a published message survives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Durability {
    /// Nothing: it ends with the process.
    Process,
    /// The end of this process, not that of the server.
    Server,
    /// The loss of power, too.
    Disk,
}

/// What order a transport keeps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Ordering {
    /// None.
    None,
    /// Each group gets its messages in the order of publishing.
    Group,
}
