//! The consumers: a group for each module, whose handlers are the listeners of that module.

use std::time::Duration;

use eventbus::{
    Bus, Rate, Retry,
    consumer::{ConsumerBuilder, ConsumerError},
};

use crate::{events, modules::Unclaimed};

/// How the groups are set up; all alike.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How many deliveries a group handles side by side.
    pub(crate) workers: usize,
    /// How many deliveries may wait in a group, where they wait in this process.
    pub(crate) queue: Option<usize>,
    /// They wait with a server, and other processes may handle some of them.
    pub(crate) is_shared: bool,
    /// How many deliveries a group begins in a minute, if that is limited.
    pub(crate) per_minute: Option<u32>,
    /// How long the end may take.
    pub(crate) shutdown: Duration,
}

/// A module's bus: what its group is called, and where its listeners are.
pub(crate) type Group<'a> = (&'static str, &'a Bus);

/// Starts a group for each module. Each gets every delivery, and passes over what its module does not listen to.
pub(crate) async fn start(
    bus: &Bus,
    modules: [Group<'_>; 3],
    unclaimed: &Unclaimed,
    settings: &Settings,
) -> Result<(), ConsumerError> {
    for (name, module) in modules {
        events::hand_to(group(bus, name, settings), module).start().await?;
    }
    unclaimed.handle(group(bus, Unclaimed::GROUP, settings)).start().await.map(drop)
}

fn group(bus: &Bus, name: &str, settings: &Settings) -> ConsumerBuilder {
    const QUEUE: usize = 1024;
    let group = bus.consumer(name).workers(settings.workers);
    let group = if settings.is_shared {
        // The order of deliveries of one place is kept by each process; for all of them it would take partitions.
        group.order_within_process()
    } else {
        group.capacity(settings.queue.unwrap_or(QUEUE))
    };
    // What these modules refuse once, they refuse again: a delivery that lacks a field does not grow it.
    let group = group.retry(Retry::never());
    match settings.per_minute {
        Some(count) => group.rate_limit(Rate::per_minute(count).burst(1)),
        None => group,
    }
}
