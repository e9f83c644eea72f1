//! Prints allocations per emit, as lines `name = number`: `cargo run --release -p eventbus-benches --bin allocations`.

#![forbid(unsafe_code)]

use std::hint::black_box;

use allocation_counter::measure;
use eventbus::{Bus, Event};
use futures_util::FutureExt;

const EMITS: u32 = 100;

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
}

/// After a first emit, which may fill caches.
fn count(path: &str, listeners: u32, mut emit: impl FnMut()) {
    emit();
    let counted = measure(|| (0..EMITS).for_each(|_| emit()));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let each = counted.count_total as f64 / f64::from(EMITS);
    println!("allocations.{path}.{listeners} = {each}");
}
