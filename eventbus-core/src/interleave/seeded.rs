//! Choices drawn from a seed, on the thread that explores. Everywhere else they are the natural ones.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::pin,
    sync::LazyLock,
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{runtime::Handle, task::JoinHandle, time::Instant};

thread_local! {
    /// Beside the rest, so that asking costs one read where nothing is explored.
    static IS_ON: Cell<bool> = const { Cell::new(false) };
    static DRAWS: Cell<Draws> = const { Cell::new(Draws { state: 0, count: 0, digest: 0 }) };
    static START: Cell<Option<RunStart>> = const { Cell::new(None) };
}

/// The time of day at which each run of this process begins, so that all have the same ids. In whole seconds: so how the milliseconds
/// of a run fall does not depend on the process either.
static FIRST_TIME: LazyLock<SystemTime> = LazyLock::new(|| {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    UNIX_EPOCH + Duration::from_secs(seconds)
});

/// The generator of a run, and a digest of the choices that it has drawn.
#[derive(Clone, Copy)]
struct Draws {
    /// Of the generator.
    state: u64,
    count: u64,
    digest: u64,
}

/// When the run began, on both clocks.
#[derive(Clone, Copy)]
struct RunStart {
    at: Instant,
    time: SystemTime,
}

/// The choices of one run: two runs with the same schedule have made the same ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct SeededSchedule {
    choices: u64,
    digest: u64,
}

impl SeededSchedule {
    pub(crate) const NONE: Self = Self { choices: 0, digest: 0 };
}

/// Draws the choices of this thread from a seed until the guard ends. To be called inside the runtime whose clock counts.
pub(crate) fn begin(seed: u64) -> Exploring {
    // The thread's own generator, from which ids and jitter come: to be as random afterwards as it was.
    let outer = fastrand::u64(..);
    fastrand::seed(Rng::with_seed(seed).next());
    DRAWS.set(Draws { state: seed, count: 0, digest: 0 });
    START.set(Some(RunStart { at: Instant::now(), time: *FIRST_TIME }));
    IS_ON.set(true);
    Exploring { outer }
}

/// A run that draws its choices from a seed, until it is dropped.
pub(crate) struct Exploring {
    outer: u64,
}

impl Exploring {
    /// The choices drawn so far.
    #[expect(clippy::unused_self, reason = "only while a run is explored")]
    pub(crate) fn schedule(&self) -> SeededSchedule {
        let Draws { count, digest, .. } = DRAWS.get();
        SeededSchedule { choices: count, digest }
    }
}

impl Drop for Exploring {
    fn drop(&mut self) {
        IS_ON.set(false);
        START.set(None);
        fastrand::seed(self.outer);
    }
}

/// A generator of its own, for what is not a choice of the bus.
pub(crate) struct Rng(fastrand::Rng);

impl Rng {
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed ^ 0x6576_656e_7462_7573))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number below `count`; 0 if that is 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        if count == 0 { 0 } else { self.0.usize(..count) }
    }
}

/// A number below `count`, which is at least 1. Only while a run is explored.
fn draw(count: usize) -> usize {
    let Draws { state, count: drawn, digest } = DRAWS.get();
    let mut rng = fastrand::Rng::with_seed(state);
    let choice = rng.usize(..count);
    let digest = (digest ^ choice as u64).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(5);
    DRAWS.set(Draws { state: rng.get_seed(), count: drawn + 1, digest });
    choice
}

/// Whether a seed draws the choices.
#[inline]
pub(crate) fn is_on() -> bool {
    IS_ON.get()
}

/// Spawns a task of the bus.
#[inline]
pub(crate) fn spawn<F>(runtime: &Handle, task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    if is_on() { runtime.spawn(paced(task)) } else { runtime.spawn(task) }
}

/// Runs blocking code: on the pool, or in a task of this thread, so that its order is drawn, too.
pub(crate) fn spawn_blocking(runtime: &Handle, code: impl FnOnce() + Send + 'static) {
    if is_on() {
        drop(runtime.spawn(paced(async { code() })));
    } else {
        drop(runtime.spawn_blocking(code));
    }
}

/// How often a task is held back, of [`OF`] times that it could run: some are much slower than others.
const PACES: [usize; 5] = [0, 4, 8, 12, 15];
const OF: usize = 16;

/// A future that is held back now and then though it has been woken.
pub(crate) async fn paced<F: Future>(future: F) -> F::Output {
    let pace = PACES[draw(PACES.len())];
    let mut future = pin!(future);
    poll_fn(|cx| {
        if is_on() && draw(OF) < pace {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        future.as_mut().poll(cx)
    })
    .await
}

/// A moment at which other tasks may run.
pub(crate) async fn point() {
    while is_on() && draw(2) == 0 {
        tokio::task::yield_now().await;
    }
}

/// Moves one of the items, any of which will do, to the end.
pub(crate) fn move_one_to_end<T>(items: &mut [T]) {
    if is_on() && items.len() > 1 {
        let one = draw(items.len());
        items[one..].rotate_left(1);
    }
}

/// How many of at most `max` are taken at once.
pub(crate) fn up_to(max: usize) -> usize {
    if is_on() && max > 1 { 1 + draw(max) } else { max }
}

/// Whether a task that could publish at once gives way to others.
#[inline]
pub(crate) fn gives_way(naturally: bool) -> bool {
    if is_on() { draw(4) == 0 } else { naturally }
}

/// Whether a worker that could begin its next delivery at once lets others run first.
#[inline]
pub(crate) fn ends_run() -> bool {
    is_on()
}

/// Puts items whose order is free in order.
pub(crate) fn shuffle<T>(items: &mut [T]) {
    if is_on() {
        for last in (1..items.len()).rev() {
            items.swap(last, draw(last + 1));
        }
    }
}

/// Takes out those that are not polled this time, and shuffles the others, of which there is at least one. Those that are held
/// back are woken.
#[inline]
pub(crate) fn hold_back<T>(items: &mut Vec<T>, cx: &Context<'_>) -> Vec<T> {
    if !is_on() || items.len() < 2 {
        return Vec::new();
    }
    shuffle(items);
    let held_back = items.split_off(up_to(items.len()));
    if !held_back.is_empty() {
        cx.waker().wake_by_ref();
    }
    held_back
}

/// The time of day; while a run is explored, that of its own clock.
pub(crate) fn system_time() -> SystemTime {
    match START.get() {
        Some(RunStart { at, time }) => time + at.elapsed(),
        None => SystemTime::now(),
    }
}
