//! A watchdog, for code that may hang.

use std::{panic, sync::mpsc, thread, time::Duration};

/// Runs `code` on a thread of its own and fails if it takes longer than `limit`.
pub(crate) fn within<T: Send + 'static>(limit: Duration, what: &str, code: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, finished) = mpsc::channel();
    let thread = thread::spawn(move || {
        let result = code();
        // The receiver is gone only if the watchdog has given up.
        let _ = done.send(());
        result
    });
    let timed_out = finished.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout);
    assert!(!timed_out, "{what}: takes longer than {limit:?}");
    thread.join().unwrap_or_else(|payload| panic::resume_unwind(payload))
}
