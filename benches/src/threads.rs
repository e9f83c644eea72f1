//! Emission from several threads, and beside a thread that registers and unsubscribes.
//!
//! Figures are nanoseconds of the clock on the wall per emit, all emits counted: two threads that do not hinder each other
//! halve the figure of one. Each thread is pinned to a core of its own, as far as there are cores, and batches are long: a
//! batch of a few milliseconds ends before the scheduler has spread the threads.

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
    plan.table(&format!("threads, {listeners} listeners, {name}"), |table| one_and_two(table, emit));
}

fn one_and_two<'a, F: FnMut(u64)>(table: &mut Table<'a>, emit: impl Fn() -> F + Sync + Copy + 'a) {
    table.long_batches();
    table.add_timed("one thread", move |turns| on_threads(1, turns, emit));
    table.add_timed("two threads", move |turns| on_threads(2, turns, emit));
}

/// Two threads by one thread, for one listener: ours, the raw loop, and signals2.
pub(crate) fn two_by_one(rounds: usize) -> [f64; 3] {
    let (raw, bus, signal) = (Raw::new().fill(1), Bus::new().fill(1), Signals2::default().fill(1));
    let ours = ratio(rounds, || {
        |number| {
            bus.emit(Sample::new(number)).blocking();
        }
    });
    let raw = ratio(rounds, || |number| call_all(&raw, &Sample::new(number)));
    [ours, raw, ratio(rounds, || |number| signal.emit(Sample::new(number)))]
}

fn ratio<F: FnMut(u64)>(rounds: usize, emit: impl Fn() -> F + Sync + Copy) -> f64 {
    let mut table = Table::new();
    one_and_two(&mut table, emit);
    table.measure(rounds);
    table.ratio("two threads", "one thread")
}

/// Binds this thread to one of the cores, if the system lets it. Only threads that end soon: theirs would inherit it.
fn pin(place: usize) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if let Some(&core) = cores.get(place % cores.len().max(1)) {
        core_affinity::set_for_current(core);
    }
}

/// Shares `turns` among `threads`; from the start of the first to the end of the last.
fn on_threads<F: FnMut(u64)>(threads: u32, turns: u32, emit: impl Fn() -> F + Sync + Copy) -> Duration {
    let barrier = Barrier::new(threads as usize);
    let work = |place| {
        pin(place);
        let mut emit = emit();
        barrier.wait();
        let start = Instant::now();
        for number in 0..turns.div_ceil(threads) {
            emit(u64::from(number));
        }
        (start, Instant::now())
    };
    let times: Vec<_> = thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = (0..threads as usize).map(|place| scope.spawn(move || work(place))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a listener does not panic")).collect()
    });
    let start = times.iter().map(|(start, _)| *start).min();
    let end = times.iter().map(|(_, end)| *end).max();
    start.zip(end).map_or(Duration::ZERO, |(start, end)| end - start)
}

pub(crate) fn beside_changes(table: &mut Table<'_>, listeners: usize) {
    table.long_batches();
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
fn beside(change: impl Fn() + Sync, turns: u32, mut emit: impl FnMut(u64) + Send) -> Duration {
    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            while !done.load(Ordering::Relaxed) {
                change();
                begun.store(true, Ordering::Relaxed);
            }
        });
        let emitting = scope.spawn(|| {
            pin(0);
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
        });
        emitting.join().expect("a listener does not panic")
    })
}
