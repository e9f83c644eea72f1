//! Counters with a cell for each thread, so that threads that count the same thing do not write the same cache line.

use std::{
    cell::Cell,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// The cell of threads that have none of their own.
const SHARED: usize = 0;

/// At least so many threads have a cell of their own.
const FEWEST: usize = 15;

/// At most so many, however many cores there are.
const MOST: usize = 127;

/// How many cells a counter has: the shared one, and two for each core.
static CELLS: LazyLock<usize> =
    LazyLock::new(|| 1 + thread::available_parallelism().map_or(FEWEST, |cores| (2 * cores.get()).clamp(FEWEST, MOST)));

/// A value for each thread that counts.
pub(super) struct Sharded<T>(Box<[Padded<T>]>);

/// On a cache line of its own.
#[derive(Default)]
#[repr(align(64))]
struct Padded<T>(T);

impl<T: Default> Sharded<T> {
    pub(super) fn new() -> Self {
        Self((0..*CELLS).map(|_| Padded::default()).collect())
    }
}

impl<T> Sharded<T> {
    /// The cell of a thread.
    #[inline]
    pub(super) fn cell(&self, thread: Thread) -> &T {
        &self.0[thread.0].0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|padded| &padded.0)
    }
}

/// The thread that counts, by the number of its cells.
#[derive(Clone, Copy)]
pub(crate) struct Thread(usize);

impl Thread {
    #[inline]
    pub(crate) fn current() -> Self {
        match NUMBER.get() {
            UNKNOWN => Self(take_number()),
            number => Self(number),
        }
    }

    /// Whether no other thread writes its cells. They are then written with plain loads and stores: a locked addition costs as much as
    /// the call of several listeners.
    fn is_alone(self) -> bool {
        self.0 != SHARED
    }
}

/// A number in a cell. It wraps, so that adding a negative number to one cell and a positive one to another gives their sum.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(super) fn add(&self, thread: Thread, more: u64) {
        if thread.is_alone() {
            self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Release);
        } else {
            self.0.fetch_add(more, Ordering::Release);
        }
    }

    /// Whatever happened before the additions that this sees has happened.
    #[inline]
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The sum of the same counter of all cells.
pub(super) fn sum(counters: impl Iterator<Item = u64>) -> u64 {
    counters.fold(0, u64::wrapping_add)
}

const UNKNOWN: usize = usize::MAX;

thread_local! {
    /// Apart from what gives the number back: it has no destructor, so reading it costs no check.
    static NUMBER: Cell<usize> = const { Cell::new(UNKNOWN) };
}

/// Takes a number that no other thread has that runs, unless it is the shared one.
#[cold]
#[inline(never)]
fn take_number() -> usize {
    thread_local! {
        static HELD: HeldNumber = HeldNumber::take();
    }
    // Where the thread is ending already, its last emissions go to the shared cell.
    let number = HELD.try_with(|held| held.0).unwrap_or(SHARED);
    NUMBER.set(number);
    number
}

/// The numbers that no thread holds. `std`'s lock, also where schedules are explored: it is never held across a choice.
static NUMBERS: Mutex<Numbers> = Mutex::new(Numbers { next: SHARED + 1, free: Vec::new() });

struct Numbers {
    next: usize,
    free: Vec<usize>,
}

/// The number of a thread, given back when the thread ends. The lock orders what one holder has written before what the next one
/// reads.
struct HeldNumber(usize);

impl HeldNumber {
    fn take() -> Self {
        let mut numbers = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(free) = numbers.free.pop() {
            return Self(free);
        }
        if numbers.next >= *CELLS {
            return Self(SHARED);
        }
        numbers.next += 1;
        Self(numbers.next - 1)
    }
}

impl Drop for HeldNumber {
    fn drop(&mut self) {
        // What other thread-locals emit in their destructors goes to the shared cell.
        NUMBER.set(SHARED);
        if self.0 != SHARED {
            NUMBERS.lock().unwrap_or_else(PoisonError::into_inner).free.push(self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(counters: &Sharded<Counter>, more: u64) {
        let thread = Thread::current();
        counters.cell(thread).add(thread, more);
    }

    #[test]
    fn more_threads_than_cells_lose_no_count() {
        let counters = Sharded::<Counter>::new();
        let threads = *CELLS + 20;
        let all_hold_a_number = std::sync::Barrier::new(threads);
        thread::scope(|scope| {
            let (counters, all_hold_a_number) = (&counters, &all_hold_a_number);
            let count = move || {
                let thread = Thread::current();
                all_hold_a_number.wait();
                for _ in 0..1_000 {
                    counters.cell(thread).add(thread, 1);
                }
                thread.is_alone()
            };
            let all: Vec<_> = (0..threads).map(|_| scope.spawn(count)).collect();
            let alone: Vec<_> = all.into_iter().map(|thread| thread.join().expect("it ends well")).collect();
            // Other tests hold numbers, too.
            assert!(alone.iter().filter(|alone| !**alone).count() >= 20);
        });
        assert_eq!(sum(counters.iter().map(Counter::get)), threads as u64 * 1_000);
    }

    #[test]
    fn a_thread_that_follows_another_goes_on_with_its_cell() {
        let counters = Sharded::<Counter>::new();
        for _ in 0..500 {
            thread::scope(|scope| {
                scope.spawn(|| add(&counters, 1));
            });
        }
        assert_eq!(sum(counters.iter().map(Counter::get)), 500);
    }

    #[test]
    fn what_a_thread_counts_while_it_ends_is_counted() {
        struct CountsInDrop(std::sync::Arc<Sharded<Counter>>);
        impl Drop for CountsInDrop {
            fn drop(&mut self) {
                add(&self.0, 1);
            }
        }
        thread_local! {
            static LAST: Cell<Option<CountsInDrop>> = const { Cell::new(None) };
        }
        let counters = std::sync::Arc::new(Sharded::<Counter>::new());
        for first in [true, false] {
            let counters = std::sync::Arc::clone(&counters);
            thread::spawn(move || {
                // Thread-locals end in an order that depends on which came first.
                if first {
                    Thread::current();
                }
                LAST.set(Some(CountsInDrop(counters)));
                Thread::current();
            })
            .join()
            .expect("the thread ends well");
        }
        assert_eq!(sum(counters.iter().map(Counter::get)), 2);
    }

    #[test]
    fn a_negative_number_may_be_in_another_cell() {
        let counters = Sharded::<Counter>::new();
        add(&counters, 3);
        thread::scope(|scope| {
            scope.spawn(|| add(&counters, 1_u64.wrapping_neg()));
        });
        assert_eq!(sum(counters.iter().map(Counter::get)), 2);
    }
}
