//! Counters and health: what [`Bus::stats`](crate::Bus::stats) and [`Bus::health`](crate::Bus::health) tell.

pub use eventbus_core::{
    BusHealth, ConsumerHealth, Deliveries, EventStats, FailureStats, GroupStats, Latency, ListenerStats, Published,
    Stats, UnroutedEvent,
};
