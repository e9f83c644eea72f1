//! The natural choices: what the bus does by itself, and what is compiled without the feature `testing`.

use std::{
    future::{Ready, ready},
    task::Context,
    time::SystemTime,
};

use tokio::{runtime::Handle, task::JoinHandle};

/// Whether a seed draws the choices.
#[inline]
pub(crate) const fn is_on() -> bool {
    false
}

/// Spawns a task of the bus.
#[inline]
pub(crate) fn spawn<F>(runtime: &Handle, task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    runtime.spawn(task)
}

/// Runs blocking code on the pool.
#[inline]
pub(crate) fn spawn_blocking(runtime: &Handle, code: impl FnOnce() + Send + 'static) {
    drop(runtime.spawn_blocking(code));
}

/// A moment at which other tasks may run.
#[inline]
pub(crate) fn point() -> Ready<()> {
    ready(())
}

/// Moves one of the items, any of which will do, to the end.
#[inline]
pub(crate) const fn move_one_to_end<T>(_items: &mut [T]) {}

/// How many of at most `max` are taken at once.
#[inline]
pub(crate) const fn up_to(max: usize) -> usize {
    max
}

/// Whether a task that could publish at once gives way to others.
#[inline]
pub(crate) const fn gives_way(naturally: bool) -> bool {
    naturally
}

/// Whether a worker that could begin its next delivery at once lets others run first.
#[inline]
pub(crate) const fn ends_run() -> bool {
    false
}

/// Puts items whose order is free in order.
#[inline]
pub(crate) const fn shuffle<T>(_items: &mut [T]) {}

/// Takes out those that are not polled this time.
#[inline]
pub(crate) fn hold_back<T>(_items: &mut Vec<T>, _cx: &Context<'_>) -> [T; 0] {
    []
}

/// The time of day.
#[inline]
pub(crate) fn system_time() -> SystemTime {
    SystemTime::now()
}
