//! Statistics as data.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{super::catalog, EventStats, ListenerStats, Stats};
use crate::{
    counting::{FailureStats, Latency},
    emission::DeferredStats,
    publish::{Deliveries, GroupStats, Published, UnroutedEvent},
    transport::Unrouted,
};

/// Implements `Serialize` by what a function makes of a value.
macro_rules! as_json {
    ($($type:ty => $json:ident),* $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $json(self).serialize(serializer)
            }
        }
    )*};
}

as_json! {
    Stats => stats,
    EventStats => event,
    ListenerStats => listener,
    FailureStats => failures,
    Latency => latency,
    GroupStats => group,
    Published => published,
    Deliveries => deliveries,
    DeferredStats => deferred,
    Unrouted => unrouted,
    UnroutedEvent => unrouted_event,
}

fn stats(stats: &Stats) -> Value {
    json!({
        "taken_at": moment(stats.taken_at),
        "counts_emissions": stats.counts_emissions,
        "events": stats.events,
        "by_pattern": stats.by_pattern,
        "unclaimed": stats.unclaimed,
        "deferred": stats.deferred,
        "published": stats.published,
        "groups": stats.groups,
        "unrouted": stats.unrouted,
        "unrouted_events": stats.unrouted_events,
        "dead_letters_evicted": stats.dead_letters_evicted,
        "transport_errors": stats.transport_errors,
    })
}

fn event(stats: &EventStats) -> Value {
    json!({
        "name": stats.event.name().as_str(),
        "version": stats.event.version(),
        "wire_type": stats.event.wire_type().to_string(),
        "emissions": stats.emissions,
        "unheard": stats.unheard,
        "in_flight": stats.in_flight,
        "calls": stats.calls,
        "failures": stats.failures,
        "latency": stats.latency,
        "listeners": stats.listeners,
    })
}

fn listener(stats: &ListenerStats) -> Value {
    json!({
        "listener": catalog::listener(&stats.listener),
        "calls": stats.calls,
        "failures": stats.failures,
        "running": stats.running,
        "latency": stats.latency,
    })
}

fn failures(stats: &FailureStats) -> Value {
    json!({
        "failed": stats.failed,
        "panicked": stats.panicked,
        "timed_out": stats.timed_out,
        "cancelled": stats.cancelled,
        "left_running": stats.left_running,
        "not_run": stats.not_run,
    })
}

fn latency(latency: &Latency) -> Value {
    json!({
        "count": latency.count,
        "mean_ns": nanos(latency.mean),
        "p50_ns": nanos(latency.p50),
        "p99_ns": nanos(latency.p99),
        "max_ns": nanos(latency.max),
        "last": latency.last.map(moment),
    })
}

fn group(stats: &GroupStats) -> Value {
    json!({
        "name": &*stats.name,
        "created": stats.created,
        "waiting": stats.waiting,
        "delayed": stats.delayed,
        "oldest_age_ns": stats.oldest_age.map(nanos),
        "in_flight": stats.in_flight,
        "handled": stats.handled,
        "dead_lettered": stats.dead_lettered,
        "ignored": stats.ignored,
        "overflowed": stats.overflowed,
        "returned": stats.returned,
        "attempts": stats.attempts,
        "retried": stats.retried,
        "read_errors": stats.read_errors,
        "settle_errors": stats.settle_errors,
        "lost_leases": stats.lost_leases,
        "latency": stats.latency,
    })
}

fn published(stats: &Published) -> Value {
    json!({
        "offered": stats.offered,
        "accepted": stats.accepted,
        "rejected": stats.rejected,
        "unknown": stats.unknown,
        "duplicates": stats.duplicates,
    })
}

fn deliveries(stats: &Deliveries) -> Value {
    json!({
        "created": stats.created,
        "in_flight": stats.in_flight,
        "handled": stats.handled,
        "dead_lettered": stats.dead_lettered,
        "dropped": stats.dropped,
        "returned": stats.returned,
    })
}

fn deferred(stats: &DeferredStats) -> Value {
    json!({ "pending": stats.pending, "released": stats.released, "discarded": stats.discarded })
}

fn unrouted(stats: &Unrouted) -> Value {
    json!({ "waiting": stats.waiting, "dropped": stats.dropped })
}

fn unrouted_event(stats: &UnroutedEvent) -> Value {
    json!({ "event": stats.event, "published": stats.published, "dropped": stats.dropped })
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn moment(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
