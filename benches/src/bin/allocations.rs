//! Prints allocations per emit, as lines `name = number`: `cargo run --profile bench -p eventbus-benches --bin allocations`.

#![forbid(unsafe_code)]

use std::{
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use allocation_counter::measure;
use eventbus::{Bus, Event};
use futures_util::FutureExt;
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
};

const EMITS: u32 = 100;

/// So many that what is allocated by the batch does not show.
const PUBLISHED: u32 = 20_000;

#[derive(Event)]
struct Counted {
    number: u64,
}

fn main() {
    for listeners in [1, 10] {
        let bus = Bus::new();
        for _ in 0..listeners {
            bus.on::<Counted>(|event| _ = black_box(event.number));
        }
        count("bus", listeners, || _ = bus.emit(Counted { number: 1 }).blocking());
        let mut emitter = bus.emitter::<Counted>();
        count("emitter", listeners, || _ = emitter.emit(Counted { number: 1 }).blocking());

        let bus = Bus::new();
        for _ in 0..listeners {
            bus.on_async::<Counted>(|event| async move { _ = black_box(event.number) });
        }
        count("awaited", listeners, || {
            let polled = async { bus.emit(Counted { number: 1 }).await }.now_or_never();
            assert!(polled.is_some(), "the listeners are ready at once");
        });
    }
    published();
}

/// Per event that is published and handled, one worker, one thread. Once for each batch something may be allocated, too, and how
/// large batches are depends on the time that they take: tenths are told.
fn published() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (left, done) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let (bus, counts, wakes) = (Bus::new(), Arc::clone(&left), Arc::clone(&done));
    runtime.block_on(async {
        let consumer = bus.consumer("counted").handle::<Counted>(move |event, _| {
            black_box(event.number);
            if counts.fetch_sub(1, Ordering::AcqRel) == 1 {
                wakes.notify_one();
            }
            async {}
        });
        assert!(consumer.start().await.is_ok(), "the consumer starts");
    });
    publish_all(&runtime, &bus, &left, &done);
    let counted = measure(|| publish_all(&runtime, &bus, &left, &done));
    let each = (per(counted.count_total, PUBLISHED) * 10.0).round() / 10.0;
    println!("allocations.publish.1 = {each}");
}

fn publish_all(runtime: &Runtime, bus: &Bus, left: &AtomicU32, done: &Notify) {
    left.store(PUBLISHED, Ordering::Release);
    runtime.block_on(async {
        for number in 0..PUBLISHED {
            assert!(bus.publish(Counted { number: number.into() }).await.is_ok(), "a group handles it");
        }
        done.notified().await;
    });
}

/// After a first emit, which may fill caches.
fn count(path: &str, listeners: u32, mut emit: impl FnMut()) {
    emit();
    let counted = measure(|| (0..EMITS).for_each(|_| emit()));
    println!("allocations.{path}.{listeners} = {}", per(counted.count_total, EMITS));
}

fn per(allocations: u64, times: u32) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let allocations = allocations as f64;
    allocations / f64::from(times)
}
