//! Collects what a bus has counted.

use std::collections::HashMap;

use super::{EventStats, ListenerStats, Stats};
use crate::{
    counting::{ListenerCounts, ListenerNumbers},
    emission::Bus,
    interleave,
    listener::ListenerInfo,
    publish::PublishCounts,
    registry::Slot,
};

impl Bus {
    /// What the bus has counted so far. Emissions are counted if [`BusBuilder::stats`](crate::BusBuilder::stats) is on, publishing
    /// and deliveries always.
    ///
    /// The numbers are read one after the other while the bus goes on: they may be apart by what happens meanwhile. When nothing
    /// happens they are exact. While an emission is under way, calls of synchronous listeners that it is about to make may be counted
    /// already; while listeners are registered or removed, calls of listeners by pattern may be missing until the next reading.
    ///
    /// **Re-entrancy:** may be called from anywhere, listeners and hooks included. An emission that calls it is in flight.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// let bus = Bus::builder().stats(true).build();
    /// bus.listener::<UserCreated>().named("crm").on(|_| Err("no connection"));
    /// let _ = bus.emit(UserCreated).blocking().into_result();
    ///
    /// let stats = bus.stats();
    /// let crm = stats.listener("crm").ok_or("it is registered")?;
    /// assert_eq!((crm.calls, crm.failures.failed), (1, 1));
    /// println!("{stats}");
    /// # Ok::<(), &str>(())
    /// ```
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// let bus = Bus::new();
    /// let pending = bus.deferred();
    /// pending.emit(UserCreated);
    /// assert_eq!(bus.stats().deferred.pending, 1);
    ///
    /// drop(pending);
    /// assert_eq!(bus.stats().deferred.discarded, 1);
    /// ```
    pub fn stats(&self) -> Stats {
        let (events, by_pattern) = if self.state.is_counted { self.emission_stats() } else { Default::default() };
        let unclaimed = self.state.unclaimed.counts.as_ref().map_or(0, |counts| counts.now().emissions);
        let PublishCounts { published, groups, unrouted, unrouted_events, dead_letters_evicted, transport_errors } =
            self.publishing().counts();
        Stats {
            taken_at: interleave::system_time(),
            counts_emissions: self.state.is_counted,
            events,
            by_pattern,
            unclaimed,
            deferred: self.state.kept_events.now(),
            published,
            groups,
            unrouted,
            unrouted_events,
            dead_letters_evicted,
            transport_errors,
        }
    }

    /// The events, and the listeners by pattern.
    fn emission_stats(&self) -> (Vec<EventStats>, Vec<ListenerStats>) {
        let registry = &self.state.registry;
        let slots = registry.all();
        for slot in &slots {
            slot.settle_runs();
        }
        // Before the slots are read: calls that an edit moves from a slot to the listener meanwhile are then missing, and not counted
        // twice.
        let by_pattern = registry.counted_by_pattern().into_iter().map(|(listener, counts)| {
            let numbers = counts.now();
            (listener, counts, numbers)
        });
        let by_pattern: Vec<_> = by_pattern.collect();
        let mut runs = HashMap::new();
        let events = slots.into_iter().filter_map(|slot| event_stats(slot, &mut runs)).collect();
        let by_pattern = by_pattern.into_iter().map(|(listener, counts, mut numbers)| {
            let more = runs.get(&std::sync::Arc::as_ptr(&counts)).copied().unwrap_or(0);
            numbers.calls = numbers.calls.wrapping_add(more);
            listener_stats(listener, numbers)
        });
        (events, by_pattern.collect())
    }
}

fn event_stats(slot: &Slot, by_pattern: &mut HashMap<*const ListenerCounts, u64>) -> Option<EventStats> {
    let counted = slot.counted(by_pattern);
    let numbers = slot.counts.as_ref()?.now();
    if numbers.emissions == 0 && slot.len() == 0 {
        return None;
    }
    Some(EventStats {
        event: slot.event,
        emissions: numbers.emissions,
        unheard: numbers.unheard,
        in_flight: numbers.in_flight,
        calls: numbers.calls,
        failures: numbers.failures,
        latency: numbers.latency,
        listeners: counted.into_iter().map(|(listener, numbers)| listener_stats(listener, numbers)).collect(),
    })
}

fn listener_stats(listener: ListenerInfo, numbers: ListenerNumbers) -> ListenerStats {
    // Below zero while a call that its chunk has counted is being taken back.
    let calls = if numbers.calls > u64::MAX / 2 { 0 } else { numbers.calls };
    let ListenerNumbers { running, failures, latency, .. } = numbers;
    ListenerStats { listener, calls, failures, running, latency }
}
