//! Streams while many threads emit.

use std::{sync::Arc, thread};

use eventbus::{Bus, EventStream, Overflow};
use futures_executor::block_on;

use crate::Tick;

const THREADS: usize = 4;
const EACH: u64 = 5_000;
const EMITTED: u64 = 4 * EACH;

/// Each thread emits its numbers, in their order.
fn emitters(bus: &Bus) -> Vec<thread::JoinHandle<()>> {
    let emit = |first: u64| {
        let bus = bus.clone();
        thread::spawn(move || {
            for tick in first..first + EACH {
                let report = bus.emit(Tick(tick)).blocking();
                assert!(report.is_ok(), "{report}");
            }
        })
    };
    [0, EACH, 2 * EACH, 3 * EACH].map(emit).into()
}

/// Reads to the end: how many were received, and how many missed. What comes from one thread is in its order.
fn read(mut ticks: EventStream<Arc<Tick>>) -> (u64, u64) {
    let (mut received, mut missed) = (0, 0);
    let mut last = [None; THREADS];
    while let Some(item) = block_on(ticks.next()) {
        match item {
            Ok(tick) => {
                let last = &mut last[usize::try_from(tick.0 / EACH).unwrap()];
                assert!(*last < Some(tick.0), "{last:?} before {}", tick.0);
                *last = Some(tick.0);
                received += 1;
            }
            Err(lagged) => missed += lagged.missed,
        }
    }
    (received, missed)
}

#[test]
fn received_and_missed_are_together_what_four_threads_emitted() {
    let bus = Bus::new();
    let (wide, narrow) = (bus.stream::<Tick>(), bus.stream::<Tick>().capacity(2));
    let readers = [wide, narrow].map(|ticks| thread::spawn(|| read(ticks)));
    for emitter in emitters(&bus) {
        emitter.join().unwrap();
    }
    drop(bus);
    for reader in readers {
        let (received, missed) = reader.join().unwrap();
        assert_eq!(received + missed, EMITTED);
    }
}

#[test]
fn a_stream_that_waits_misses_nothing_of_four_threads() {
    let bus = Bus::new();
    let ticks = bus.stream::<Tick>().capacity(3).overflow(Overflow::Wait);
    let reader = thread::spawn(|| read(ticks));
    for emitter in emitters(&bus) {
        emitter.join().unwrap();
    }
    drop(bus);
    assert_eq!(reader.join().unwrap(), (EMITTED, 0));
}
