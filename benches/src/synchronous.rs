//! Emission to synchronous listeners, on one thread.

use eventbus::Bus;
use mod_events::EventDispatcher as ModEvents;
use rt_events::EventBus as RtEvents;

use crate::{
    harness::{Plan, Table},
    rivals::{Broadcast, JaebSync, Signals2},
    sample::{Listeners, Raw, Sample, call_all},
};

pub(crate) fn tables(plan: &Plan) {
    for listeners in [0, 1, 10, 100, 1000] {
        plan.table(&format!("sync emit, {listeners} listeners"), |table| fill(table, listeners));
    }
}

pub(crate) fn fill(table: &mut Table<'_>, listeners: usize) {
    let raw = Raw::new().fill(listeners);
    table.add("raw loop", move |number| call_all(&raw, &Sample::new(number)));

    let bus = Bus::new().fill(listeners);
    let mut emitter = bus.emitter::<Sample>();
    table.add("eventbus, bus.emit(e).blocking()", move |number| {
        bus.emit(Sample::new(number)).blocking();
    });
    table.add("eventbus, Emitter", move |number| {
        emitter.emit(Sample::new(number)).blocking();
    });

    let bus = RtEvents::new().fill(listeners);
    table.add("rt-events (not thread-safe)", move |number| bus.emit(Sample::new(number)));
    let signal = Signals2::default().fill(listeners);
    table.add("signals2", move |number| signal.emit(Sample::new(number)));
    let bus = ModEvents::new().fill(listeners);
    table.add("mod-events", move |number| bus.emit(Sample::new(number)));
    let bus = JaebSync::new().fill(listeners);
    table.add("jaeb", move |number| bus.emit(Sample::new(number)));
    let mut channel = Broadcast::new().fill(listeners);
    table.add("tokio broadcast, send + recv", move |number| channel.emit(Sample::new(number)));
}
