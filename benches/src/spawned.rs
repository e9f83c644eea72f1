//! `.spawn()` beside one `tokio::spawn` of the same work.

use std::sync::Arc;

use eventbus::Bus;
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::{
    asynchronous::{in_task, ready, runtime},
    harness::{Plan, Table},
    sample::{Listeners, Raw, Sample, call_all},
};

pub(crate) fn tables(plan: &Plan) {
    let runtime = runtime();
    for listeners in [1, 10] {
        plan.table(&format!("spawn, {listeners} sync listeners, awaited"), |table| awaited(table, &runtime, listeners));
        plan.table(&format!("spawn, {listeners} sync listeners, drained"), |table| drained(table, &runtime, listeners));
    }
    plan.table("spawn, 10 async listeners, drained", |table| async_drained(table, &runtime));
}

/// Each emission is awaited before the next.
pub(crate) fn awaited<'a>(table: &mut Table<'a>, runtime: &'a Runtime, listeners: usize) {
    let raw = Arc::new(Raw::new().fill(listeners));
    table.add_timed("tokio::spawn", move |turns| {
        let raw = Arc::clone(&raw);
        in_task(runtime, async move {
            for number in 0..turns {
                let (raw, sample) = (Arc::clone(&raw), Sample::new(u64::from(number)));
                tokio::spawn(async move { call_all(&raw, &sample) }).await.expect("a listener does not panic");
            }
        })
    });
    let bus = Bus::new().fill(listeners);
    table.add_timed("eventbus, emit(e).spawn()", move |turns| {
        let bus = bus.clone();
        in_task(runtime, async move {
            for number in 0..turns {
                bus.emit(Sample::new(u64::from(number))).spawn().await;
            }
        })
    });
}

/// All are spawned, then waited for together. tokio's contender counts its tasks too, or nobody could wait for them.
pub(crate) fn drained<'a>(table: &mut Table<'a>, runtime: &'a Runtime, listeners: usize) {
    let raw = Arc::new(Raw::new().fill(listeners));
    table.add_timed("tokio::spawn, tracked", move |turns| {
        let raw = Arc::clone(&raw);
        let work = move |sample| {
            let raw = Arc::clone(&raw);
            async move { call_all(&raw, &sample) }
        };
        in_task(runtime, tracked(turns, work))
    });
    add_bus(table, runtime, Bus::new().fill(listeners));
}

/// The same with async listeners, which the tasks run one after the other: they are ready at once.
pub(crate) fn async_drained<'a>(table: &mut Table<'a>, runtime: &'a Runtime) {
    table.add_timed("tokio::spawn, tracked", move |turns| {
        let work = |sample| async move {
            let sample = Arc::new(sample);
            for captured in 0..10 {
                Box::pin(ready(Arc::clone(&sample), captured)).await;
            }
        };
        in_task(runtime, tracked(turns, work))
    });
    let bus = Bus::new();
    for captured in 0..10 {
        bus.on_async::<Sample>(move |sample| ready(sample, captured));
    }
    add_bus(table, runtime, bus);
}

async fn tracked<F: Future<Output = ()> + Send + 'static>(turns: u32, work: impl Fn(Sample) -> F) {
    let tracker = TaskTracker::new();
    for number in 0..turns {
        tracker.spawn(work(Sample::new(u64::from(number))));
    }
    tracker.close();
    tracker.wait().await;
}

fn add_bus<'a>(table: &mut Table<'a>, runtime: &'a Runtime, bus: Bus) {
    table.add_timed("eventbus, emit(e).spawn()", move |turns| {
        let bus = bus.clone();
        in_task(runtime, async move {
            for number in 0..turns {
                bus.emit(Sample::new(u64::from(number))).spawn();
            }
            bus.settled().await.expect("outside of any emission");
        })
    });
}
