//! What a transport can do, and which consumers it cannot serve.

use std::time::Duration;

use super::{GroupSpec, Ordering, Overflow, Start};

/// What a transport can do: [`IN_PROCESS`](Self::IN_PROCESS), and what is different.
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod transport { pub use eventbus_core::*; } }
/// use std::time::Duration;
/// use eventbus::transport::{Capabilities, Durability};
///
/// let disk = Capabilities::IN_PROCESS.with_codec().with_durability(Durability::Disk).with_lease(Duration::from_secs(30));
/// assert!(disk.needs_codec);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own")]
pub struct Capabilities {
    /// What a message survives that has been taken.
    pub durability: Durability,
    /// How far the order of publishing is kept within a key.
    pub ordering: Ordering,
    /// Whether a new group can read what was published before.
    pub replay: bool,
    /// Whether events are carried as bytes and need a codec (`#[event(serde)]`).
    pub needs_codec: bool,
    /// The most bytes that an event may have. The bus refuses a larger one before it is sent
    /// ([`PublishError::TooLarge`](crate::PublishError::TooLarge)).
    pub max_payload: Option<usize>,
    /// The most messages of one [`publish`](super::Transport::publish).
    pub max_batch: usize,
    /// How many batches the bus may send before the first of them is answered.
    pub max_under_way: usize,
    /// After how long a lease runs out that is not extended; `None` for never.
    pub lease: Option<Duration>,
    /// How late a delayed message may be; `None` if delays are not kept.
    pub delay: Option<Duration>,
    /// Whether the transport keeps dead letters. Elsewhere the bus keeps them, in memory.
    pub dead_letters: bool,
    /// Whether it keeps the ids of messages, and refuses those that come again ([`Message::dedupe`](super::Message::dedupe)).
    pub dedupe: bool,
    /// Whether it bounds how many messages wait in a group.
    pub bounds_events: bool,
    /// Whether it bounds how many bytes wait in a group.
    pub bounds_bytes: bool,
    /// Whether it bounds how many messages with one key wait in a group.
    pub bounds_keys: bool,
    /// Which policies it has at those bounds.
    pub overflow: &'static [Overflow],
}

impl Capabilities {
    /// Those of a transport inside the process: nothing outlives it, order is kept, events need no codec.
    pub const IN_PROCESS: Self = Self {
        durability: Durability::Process,
        ordering: Ordering::Group,
        replay: false,
        needs_codec: false,
        max_payload: None,
        max_batch: 512,
        max_under_way: 1,
        lease: None,
        delay: Some(Duration::ZERO),
        dead_letters: false,
        dedupe: false,
        bounds_events: true,
        bounds_bytes: true,
        bounds_keys: true,
        overflow: &[Overflow::Wait, Overflow::Fail, Overflow::DropOldest, Overflow::DropNewest],
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

    /// With a bound for the messages of one batch; at least 1.
    #[must_use]
    pub const fn with_max_batch(self, messages: usize) -> Self {
        Self { max_batch: if messages == 0 { 1 } else { messages }, ..self }
    }

    /// With so many batches, at least 1, of which each is sent before the ones before it are answered. They keep their order (T4).
    #[must_use]
    pub const fn with_max_under_way(self, batches: usize) -> Self {
        Self { max_under_way: if batches == 0 { 1 } else { batches }, ..self }
    }

    /// With leases that run out.
    #[must_use]
    pub const fn with_lease(self, time: Duration) -> Self {
        Self { lease: Some(time), ..self }
    }

    /// With delays that are kept up to so much, or with none.
    #[must_use]
    pub const fn with_delay(self, late: Option<Duration>) -> Self {
        Self { delay: late, ..self }
    }

    /// With dead letters that the transport keeps.
    #[must_use]
    pub const fn with_dead_letters(self) -> Self {
        Self { dead_letters: true, ..self }
    }

    /// With ids that are kept, so that a message that comes again is refused.
    #[must_use]
    pub const fn with_dedupe(self) -> Self {
        Self { dedupe: true, ..self }
    }

    /// Without any bound of a group, and so without a policy at it.
    #[must_use]
    pub const fn without_bounds(self) -> Self {
        Self { bounds_events: false, bounds_bytes: false, bounds_keys: false, overflow: &[], ..self }
    }

    /// Why a group cannot be had, in words for the user who wires it; `None` if it can (B31).
    pub fn refuses(&self, group: &GroupSpec) -> Option<String> {
        if group.ordering > self.ordering {
            return Some(match self.ordering {
                Ordering::Process => "it keeps the order of keys within one process only; use partitions, or say \
                                      `.order_within_process()`"
                    .to_owned(),
                _ => "it keeps no order; remove `.key::<E>(..)`".to_owned(),
            });
        }
        let bounds = [
            (group.max_events.is_some() && !self.bounds_events, "capacity"),
            (group.max_bytes.is_some() && !self.bounds_bytes, "capacity_bytes"),
            (group.max_per_key.is_some() && !self.bounds_keys, "max_per_key"),
        ];
        if let Some((_, method)) = bounds.into_iter().find(|(is_missing, _)| *is_missing) {
            return Some(format!("it cannot bound a group in this way; remove `.{method}(..)`"));
        }
        if let Some(policy) = group.overflow.filter(|policy| !self.overflow.contains(policy)) {
            return Some(format!(
                "it has no policy `{policy:?}`; remove `.overflow(..)`, or take one of {:?}",
                self.overflow
            ));
        }
        let replays = group.start != Start::Now && !self.replay;
        replays.then(|| "it keeps nothing to replay; remove `.start_at(..)`".to_owned())
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
