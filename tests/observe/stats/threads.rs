//! Counts equal a reference under threads that emit, workers that handle, and edits beside them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use eventbus::Bus;

use super::support::{Numbered, Ping, Pong, counting, event, finishes, listener};
use crate::hush;

const THREADS: u64 = 4;
const EACH: u64 = 3_000;

/// What listeners and emitters count themselves.
#[derive(Default)]
struct Reference {
    sync: AtomicU64,
    filtered: AtomicU64,
    panicked: AtomicU64,
    failed: AtomicU64,
    awaited: AtomicU64,
    by_pattern: AtomicU64,
    edited: AtomicU64,
    nested: AtomicU64,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn wire(bus: &Bus, reference: &Arc<Reference>) {
    bus.listener::<Numbered>().named("sync").with(reference.clone()).on(|reference, _| add(&reference.sync));
    bus.listener::<Numbered>().named("filtered").filter(|e| e.0 % 3 == 0).with(reference.clone()).on(|reference, e| {
        add(&reference.filtered);
        if e.0 % 9 == 0 {
            add(&reference.failed);
            return Err("no");
        }
        Ok(())
    });
    bus.listener::<Numbered>().named("panics").with(reference.clone()).on(|reference, e| {
        if e.0 % 100 == 0 {
            add(&reference.panicked);
            panic!("boom");
        }
    });
    bus.listener::<Numbered>().named("nests").priority(-1).with(reference.clone()).with_context().on(
        |reference, e, cx| {
            if e.0 % 10 == 0 {
                add(&reference.nested);
                cx.bus().emit(Pong).blocking();
            }
        },
    );
    bus.listener::<Ping>().named("awaited").with(reference.clone()).on_async(|reference, _| async move {
        add(&reference.awaited);
        tokio::task::yield_now().await;
    });
    bus.listener_pattern("**")
        .unwrap()
        .named("all")
        .with(reference.clone())
        .on(|reference, _| add(&reference.by_pattern));
}

#[test]
fn counts_equal_a_reference_under_four_threads_four_workers_and_edits() {
    hush();
    finishes("the load", || {
        let (bus, reference) = (counting(), Arc::<Reference>::default());
        wire(&bus, &reference);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        let consumer = runtime.block_on(async {
            let weak = bus.downgrade();
            let emits = move |_, _| {
                let bus = weak.upgrade();
                async move {
                    if let Some(bus) = bus {
                        bus.emit(Ping).await;
                    }
                }
            };
            bus.consumer("workers").handle::<Ping>(emits).workers(4).start().await.unwrap()
        });
        let done = AtomicBool::new(false);
        let edits = thread::scope(|scope| {
            let editor = scope.spawn(|| {
                let mut edits = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    let reference = reference.clone();
                    let edited = bus.listener::<Numbered>().with(reference).on(|reference, _| add(&reference.edited));
                    thread::yield_now();
                    edited.off();
                    edits += 1;
                    // Reading beside them must not disturb the counts.
                    let _ = bus.stats();
                }
                edits
            });
            let emitters: Vec<_> = (0..THREADS)
                .map(|number| {
                    scope.spawn({
                        let (bus, runtime) = (&bus, &runtime);
                        move || {
                            let mut emitter = bus.emitter::<Numbered>();
                            for at in 0..EACH {
                                let number = number * EACH + at;
                                if at % 2 == 0 {
                                    bus.emit(Numbered(number)).blocking();
                                } else {
                                    emitter.emit(Numbered(number)).blocking();
                                }
                                if at % 10 == 0 {
                                    runtime.block_on(bus.publish(Ping)).unwrap();
                                }
                            }
                        }
                    })
                })
                .collect();
            for emitter in emitters {
                emitter.join().unwrap();
            }
            done.store(true, Ordering::Relaxed);
            editor.join().unwrap()
        });
        runtime.block_on(bus.drained(super::support::HOUR)).unwrap();

        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let published = THREADS * EACH / 10;
        let (numbered, pings, nested) = (event::<Numbered>(&bus), event::<Ping>(&bus), event::<Pong>(&bus));
        assert_eq!(
            [numbered.emissions, pings.emissions, nested.emissions],
            [THREADS * EACH, published, get(&reference.nested)]
        );
        assert_eq!([numbered.in_flight, pings.in_flight, nested.in_flight], [0; 3]);
        for (name, counted) in [
            ("sync", &reference.sync),
            ("filtered", &reference.filtered),
            ("awaited", &reference.awaited),
            ("all", &reference.by_pattern),
        ] {
            assert_eq!(listener(&bus, name).calls, get(counted), "{name}, {edits} edits");
        }
        assert_eq!(listener(&bus, "panics").calls, THREADS * EACH);
        assert_eq!(listener(&bus, "panics").failures.panicked, get(&reference.panicked));
        assert_eq!(listener(&bus, "filtered").failures.failed, get(&reference.failed));
        // Four listeners and one by pattern, and those that came and went.
        let called = 4 * THREADS * EACH - (THREADS * EACH - get(&reference.filtered)) + get(&reference.edited);
        assert_eq!(numbered.calls, called + THREADS * EACH, "{edits} edits");
        assert_eq!(numbered.failures.total(), get(&reference.panicked) + get(&reference.failed));

        let group = bus.stats().group("workers").unwrap().clone();
        assert_eq!([group.handled, group.attempts, group.latency.count], [published; 3]);
        drop(consumer);
    });
}

#[test]
fn threads_that_come_and_go_lose_no_count() {
    finishes("many threads", || {
        let bus = counting();
        bus.listener::<Ping>().named("it").on(|_| {});
        for _ in 0..20 {
            thread::scope(|scope| {
                for _ in 0..40 {
                    scope.spawn(|| {
                        for _ in 0..50 {
                            bus.emit(Ping).blocking();
                        }
                    });
                }
            });
        }
        assert_eq!((event::<Ping>(&bus).emissions, listener(&bus, "it").calls), (40_000, 40_000));
    });
}
