//! Floor 0: the locks and atomics of this crate, replaced under `--cfg eventbus_shuttle` so that schedules can be explored.
//!
//! No lock here is ever alive while user code runs, so a poisoned one holds consistent data and is simply taken.

#[cfg(not(eventbus_shuttle))]
pub(crate) use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    thread_local,
};

#[cfg(eventbus_shuttle)]
pub(crate) use shuttle::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    thread_local,
};

/// Takes the lock, poisoned or not.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
