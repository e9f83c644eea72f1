//! Emission from several threads, and beside a thread that registers and unsubscribes.
//!
//! Figures are nanoseconds of the clock on the wall per emit, all emits counted: two threads that do not hinder each other
//! halve the figure of one.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use eventbus::Bus;
use mod_events::EventDispatcher as ModEvents;
use signals2::Connect1;

use crate::{
    harness::{Plan, Table},
    rivals::{JaebSync, Signals2},
    sample::{Listeners, Raw, Sample, call_all},
};

pub(crate) fn tables(plan: &Plan) {
    for listeners in [1, 10] {
        let raw = Raw::new().fill(listeners);
        let bus = Bus::new().fill(listeners);
        let signal = Signals2::default().fill(listeners);
        let dispatcher = ModEvents::new().fill(listeners);
        let jaeb = JaebSync::new().fill(listeners);
        each(plan, listeners, "raw loop", || |number| call_all(&raw, &Sample::new(number)));
        each(plan, listeners, "eventbus, bus.emit(e).blocking()", || {
            |number| {
                bus.emit(Sample::new(number)).blocking();
            }
        });
        each(plan, listeners, "eventbus, Emitter", || {
            let mut emitter = bus.emitter::<Sample>();
            move |number| {
                emitter.emit(Sample::new(number)).blocking();
            }
        });
        each(plan, listeners, "signals2", || |number| signal.emit(Sample::new(number)));
        each(plan, listeners, "mod-events", || |number| dispatcher.emit(Sample::new(number)));
        each(plan, listeners, "jaeb", || |number| jaeb.emit(Sample::new(number)));
    }
    for listeners in [1, 10] {
        plan.table(&format!("emit beside a thread that calls on and off, {listeners} listeners"), |table| {
            beside_changes(table, listeners);
        });
    }
}

/// One contender's table: one thread against two.
fn each<F: FnMut(u64)>(plan: &Plan, listeners: usize, name: &str, emit: impl Fn() -> F + Sync + Copy) {
    plan.table(&format!("threads, {listeners} listeners, {name}"), |table| {
        table.add_timed("one thread", move |turns| on_threads(1, turns, emit));
        table.add_timed("two threads", move |turns| on_threads(2, turns, emit));
    });
}

/// Shares `turns` among `threads`; from the start of the first to the end of the last.
fn on_threads<F: FnMut(u64)>(threads: u32, turns: u32, emit: impl Fn() -> F + Sync + Copy) -> Duration {
    let barrier = Barrier::new(threads as usize);
    let work = || {
        let mut emit = emit();
        barrier.wait();
        let start = Instant::now();
        for number in 0..turns.div_ceil(threads) {
            emit(u64::from(number));
        }
        (start, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a listener does not panic")).collect()
    });
    let start = times.iter().map(|(start, _)| *start).min();
    let end = times.iter().map(|(_, end)| *end).max();
    start.zip(end).map_or(Duration::ZERO, |(start, end)| end - start)
}

fn beside_changes(table: &mut Table<'_>, listeners: usize) {
    let bus = Bus::new().fill(listeners);
    let quiet = bus.clone();
    table.add("eventbus, undisturbed", move |number| {
        quiet.emit(Sample::new(number)).blocking();
    });
    let emitting = bus.clone();
    table.add_timed("eventbus, beside on and off", move |turns| {
        let change = || _ = bus.on::<Sample>(|_| ()).off();
        beside(change, turns, |number| {
            emitting.emit(Sample::new(number)).blocking();
        })
    });
    let signal = Signals2::default().fill(listeners);
    table.add("signals2, undisturbed", move |number| signal.emit(Sample::new(number)));
    let signal = Signals2::default().fill(listeners);
    table.add_timed("signals2, beside on and off", move |turns| {
        let change = || signal.0.connect(|_| ()).disconnect();
        beside(change, turns, |number| signal.emit(Sample::new(number)))
    });
    let dispatcher = ModEvents::new().fill(listeners);
    table.add_timed("mod-events, beside on and off", move |turns| {
        let change = || _ = dispatcher.unsubscribe(dispatcher.on(|_: &Sample| ()));
        beside(change, turns, |number| dispatcher.emit(Sample::new(number)))
    });
}

/// Emits while another thread makes changes as fast as it can.
fn beside(change: impl Fn() + Sync, turns: u32, mut emit: impl FnMut(u64)) -> Duration {
    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                change();
                begun.store(true, Ordering::Relaxed);
            }
        });
        while !begun.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        let start = Instant::now();
        for number in 0..turns {
            emit(u64::from(number));
        }
        let time = start.elapsed();
        done.store(true, Ordering::Relaxed);
        time
    })
}
