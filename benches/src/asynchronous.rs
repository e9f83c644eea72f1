//! Emission to async listeners, awaited.
//!
//! Each batch is one task on a runtime with two workers. The baseline is what one writes without a bus: make the futures of
//! all listeners, and `join_all` them.

use std::{
    hint::black_box,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use eventbus::Bus;
use futures_util::future::join_all;
use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
};

use crate::{
    harness::{Plan, Table},
    sample::Sample,
};

pub(crate) type Listening = Pin<Box<dyn Future<Output = ()> + Send>>;
pub(crate) type RawAsync = Vec<Box<dyn Fn(Arc<Sample>) -> Listening + Send + Sync>>;

pub(crate) fn tables(plan: &Plan) {
    let runtime = runtime();
    for listeners in [1, 10] {
        plan.table(&format!("awaited, {listeners} async listeners, ready at once"), |table| {
            fill(table, &runtime, listeners, ready);
        });
    }
    plan.table("awaited, 10 async listeners, each yields once", |table| fill(table, &runtime, 10, yields));
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

pub(crate) async fn ready(sample: Arc<Sample>, captured: u64) {
    black_box(sample.fields[1].wrapping_add(captured));
}

pub(crate) async fn yields(sample: Arc<Sample>, captured: u64) {
    yield_now().await;
    ready(sample, captured).await;
}

/// What one writes without a bus: a list of functions that make futures.
pub(crate) fn raw_async<L, F>(listeners: u64, listener: L) -> RawAsync
where
    L: Fn(Arc<Sample>, u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    (0..listeners)
        .map(|captured| -> Box<dyn Fn(Arc<Sample>) -> Listening + Send + Sync> {
            Box::new(move |sample| Box::pin(listener(sample, captured)))
        })
        .collect()
}

pub(crate) fn fill<'a, L, F>(table: &mut Table<'a>, runtime: &'a Runtime, listeners: u64, listener: L)
where
    L: Fn(Arc<Sample>, u64) -> F + Copy + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let raw = Arc::new(raw_async(listeners, listener));
    let joined = Arc::clone(&raw);
    table.add_timed("join_all", move |turns| {
        let raw = Arc::clone(&joined);
        in_task(runtime, async move {
            for number in 0..turns {
                let sample = Arc::new(Sample::new(u64::from(number)));
                join_all(raw.iter().map(|listener| listener(Arc::clone(&sample)))).await;
            }
        })
    });

    let bus = Bus::new();
    for captured in 0..listeners {
        bus.on_async::<Sample>(move |sample| listener(sample, captured));
    }
    let local = bus.clone();
    table.add_timed("eventbus, bus.emit(e).await", move |turns| {
        let bus = bus.clone();
        in_task(runtime, async move {
            for number in 0..turns {
                bus.emit(Sample::new(u64::from(number))).await;
            }
        })
    });
    table.add_timed("eventbus, Emitter", move |turns| {
        let mut emitter = local.emitter::<Sample>();
        in_task(runtime, async move {
            for number in 0..turns {
                emitter.emit(Sample::new(u64::from(number))).await;
            }
        })
    });

    table.add_timed("tokio::spawn for each listener", move |turns| {
        let raw = Arc::clone(&raw);
        in_task(runtime, async move {
            for number in 0..turns {
                let sample = Arc::new(Sample::new(u64::from(number)));
                let tasks: Vec<_> = raw.iter().map(|listener| tokio::spawn(listener(Arc::clone(&sample)))).collect();
                for task in tasks {
                    task.await.expect("a listener does not panic");
                }
            }
        })
    });
}

/// Runs a batch as a task, on a worker.
pub(crate) fn in_task(runtime: &Runtime, batch: impl Future<Output = ()> + Send + 'static) -> Duration {
    let timed = async move {
        let start = Instant::now();
        batch.await;
        start.elapsed()
    };
    runtime.block_on(runtime.spawn(timed)).expect("a batch does not panic")
}
