//! The log: lines on stderr. Stdout is for what another program may wait for.

use std::{
    fmt,
    io::{self, Write},
    sync::atomic::{AtomicUsize, Ordering},
};

use eventbus::Failure;

/// Writes a line. `eprintln!` would panic where stderr is closed, and a service must not die of that.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says something on stdout.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// The bus's failure hook: every listener that did not finish well, whether or not anybody reads the report.
///
/// For emissions that are spawned and forgotten it is the only place where failures show.
#[derive(Debug, Default)]
pub(crate) struct FailureLog {
    count: AtomicUsize,
}

impl FailureLog {
    pub(crate) fn tell(&self, failure: &Failure) {
        self.count.fetch_add(1, Ordering::Relaxed);
        line(format_args!("{failure}"));
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}
