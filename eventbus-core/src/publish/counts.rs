//! What is counted of publishing (promise P9).

use std::{sync::Arc, time::Duration};

use crate::counting::Latency;

/// Events that were to be published: `offered = accepted + rejected + unknown`, once none is waiting for room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Published {
    /// All.
    pub offered: u64,
    /// Taken by the transport.
    pub accepted: u64,
    /// Handed back, or dropped by who no longer wanted to wait.
    pub rejected: u64,
    /// Sent, and not answered.
    pub unknown: u64,
    /// Rejected since they had been published before ([`dedupe`](super::Publish::dedupe)): part of `rejected`.
    pub duplicates: u64,
}

/// The deliveries of a group: `created = in flight + handled + dead-lettered + dropped + returned`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct GroupStats {
    /// The group's name.
    pub name: Arc<str>,
    /// How many deliveries the group was given. Of a transport that does not tell, or that outlives the process: those that wait
    /// in it, and those that this process has read and not given back.
    pub created: u64,
    /// Those that wait with the transport and could be handled now; `None` if it does not tell.
    pub waiting: Option<u64>,
    /// Those that wait with the transport and are not due yet.
    pub delayed: u64,
    /// Those that wait with the transport, and those that the consumer holds: ready, being handled, behind others of their key, or
    /// waiting for their next attempt.
    pub in_flight: u64,
    /// Handled well.
    pub handled: u64,
    /// Failed for the last time.
    pub dead_lettered: u64,
    /// Passed over, since the group was given an event for which it has no handler.
    pub ignored: u64,
    /// Dropped since the queue was full, as its policy says.
    pub overflowed: u64,
    /// Not handled when the bus shut down, and handed back by the shutdown's report.
    pub returned: u64,
    /// How long the oldest delivery has waited that waits with the transport; `None` if none waits or it does not tell.
    pub oldest_age: Option<Duration>,
    /// Attempts that have ended: handled well, or failed. Of a batch each delivery is one.
    pub attempts: u64,
    /// Attempts that failed and were followed by another.
    pub retried: u64,
    /// How often the transport could not be read.
    pub read_errors: u64,
    /// How often the transport could not be told what became of deliveries. They are delivered again.
    pub settle_errors: u64,
    /// Leases that ran out while their deliveries were held; those are delivered again, too.
    pub lost_leases: u64,
    /// How long handlers took, well or not; of a batch, all of it together. Measured if
    /// [`BusBuilder::stats`](crate::BusBuilder::stats) is on.
    pub latency: Latency,
}

/// The deliveries of all groups: `created = in flight + handled + dead-lettered + dropped + returned`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Deliveries {
    /// All.
    pub created: u64,
    /// Waiting, or held by a consumer.
    pub in_flight: u64,
    /// Handled well.
    pub handled: u64,
    /// Failed for the last time.
    pub dead_lettered: u64,
    /// Dropped by policy: ignored, or because a queue was full.
    pub dropped: u64,
    /// Handed back by the shutdown.
    pub returned: u64,
}

impl Deliveries {
    /// Whether the totals add up.
    pub fn is_balanced(&self) -> bool {
        self.created == self.in_flight + self.handled + self.dead_lettered + self.dropped + self.returned
    }
}

impl Published {
    /// Whether the totals add up.
    pub fn is_balanced(&self) -> bool {
        self.offered == self.accepted + self.rejected + self.unknown
    }
}

impl GroupStats {
    /// How far the group is behind: the deliveries that have not ended. Those that wait with a transport that does not tell are
    /// missing.
    pub fn lag(&self) -> u64 {
        self.in_flight
    }

    /// The group's totals.
    pub fn deliveries(&self) -> Deliveries {
        Deliveries {
            created: self.created,
            in_flight: self.in_flight,
            handled: self.handled,
            dead_lettered: self.dead_lettered,
            dropped: self.ignored + self.overflowed,
            returned: self.returned,
        }
    }
}
