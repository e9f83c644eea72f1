//! Registering and unsubscribing one listener among many.

use eventbus::Bus;
use mod_events::EventDispatcher as ModEvents;
use rt_events::EventBus as RtEvents;
use signals2::Connect1;

use crate::{
    harness::{Plan, Table},
    rivals::Signals2,
    sample::{Listeners, Raw, Sample, call_all},
};

/// Where there are more, the rivals that copy or sort at each change would take minutes to be filled.
const FEW: usize = 10_000;

pub(crate) fn tables(plan: &Plan) {
    for listeners in [0, 100, 10_000, 100_000] {
        plan.table(&format!("registration, on + off at {listeners} listeners"), |table| on_off(table, listeners));
    }
    for listeners in [0, 100, 10_000] {
        let title = format!("registration, on + emit + off + emit at {listeners} listeners");
        plan.table(&title, |table| on_emit_off_emit(table, listeners));
    }
}

pub(crate) fn on_off(table: &mut Table<'_>, listeners: usize) {
    let mut raw = Raw::new().fill(listeners);
    table.add("Vec, push + pop of a box", move |number| {
        raw.push(Box::new(move |sample| _ = sample.fields[0].wrapping_add(number)));
        drop(raw.pop());
    });
    let bus = Bus::new().fill(listeners);
    table.add("eventbus", move |number| {
        bus.on::<Sample>(move |sample| _ = sample.fields[0].wrapping_add(number)).off();
    });
    let mut bus = RtEvents::new().fill(listeners);
    table.add("rt-events (not thread-safe)", move |number| {
        let id = bus.on(move |sample: &Sample| _ = sample.fields[0].wrapping_add(number));
        bus.off(id);
    });
    if listeners <= FEW {
        let signal = Signals2::default().fill(listeners);
        table.add("signals2", move |number| {
            signal.0.connect(move |sample| _ = sample.fields[0].wrapping_add(number)).disconnect();
        });
        let bus = ModEvents::new().fill(listeners);
        table.add("mod-events", move |number| {
            bus.unsubscribe(bus.on(move |sample: &Sample| _ = sample.fields[0].wrapping_add(number)));
        });
    }
}

pub(crate) fn on_emit_off_emit(table: &mut Table<'_>, listeners: usize) {
    let mut raw = Raw::new().fill(listeners);
    table.add("Vec, push and pop of a box", move |number| {
        raw.push(Box::new(move |sample| _ = sample.fields[0].wrapping_add(number)));
        call_all(&raw, &Sample::new(number));
        drop(raw.pop());
        call_all(&raw, &Sample::new(number));
    });
    let bus = Bus::new().fill(listeners);
    table.add("eventbus", move |number| {
        let added = bus.on::<Sample>(move |sample| _ = sample.fields[0].wrapping_add(number));
        bus.emit(Sample::new(number)).blocking();
        added.off();
        bus.emit(Sample::new(number)).blocking();
    });
    let signal = Signals2::default().fill(listeners);
    table.add("signals2", move |number| {
        let added = signal.0.connect(move |sample| _ = sample.fields[0].wrapping_add(number));
        signal.emit(Sample::new(number));
        added.disconnect();
        signal.emit(Sample::new(number));
    });
    let bus = ModEvents::new().fill(listeners);
    table.add("mod-events", move |number| {
        let added = bus.on(move |sample: &Sample| _ = sample.fields[0].wrapping_add(number));
        bus.emit(Sample::new(number));
        bus.unsubscribe(added);
        bus.emit(Sample::new(number));
    });
}
