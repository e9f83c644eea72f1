//! How far the run is, on stderr.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// Without a terminal: one line for so many deliveries, and for ten times as many when there are ten times as many lines.
const LINE_EVERY: usize = 100;

/// On a terminal: one line, rewritten after this time.
const REWRITE_AFTER: Duration = Duration::from_millis(100);

/// Tells a person on stderr that the program is alive. If stderr is gone, so is the person, and nothing is told.
pub(crate) struct Progress {
    terminal: bool,
    written: Option<Instant>,
}

impl Progress {
    pub(crate) fn on_stderr() -> Self {
        Self { terminal: io::stderr().is_terminal(), written: None }
    }

    /// Tells that `deliveries` are done, if it is time to.
    pub(crate) fn at(&mut self, deliveries: usize, failed: usize) {
        if self.terminal {
            if self.written.is_none_or(|written| written.elapsed() >= REWRITE_AFTER) {
                self.written = Some(Instant::now());
                tell(&format!("\r\x1b[2Kwebhooks: {deliveries} deliveries, {failed} failed"));
            }
        } else if deliveries.is_multiple_of(line_every(deliveries)) {
            tell(&format!("webhooks: {deliveries} deliveries, {failed} failed\n"));
        }
    }

    /// Clears the line, so that the summary starts on a clean one.
    pub(crate) fn done(&mut self) {
        if self.written.is_some() {
            tell("\r\x1b[2K");
        }
    }
}

/// A hundredth, a tenth or so of what there has been: however long the run, its progress is told in few lines.
fn line_every(deliveries: usize) -> usize {
    let mut every = LINE_EVERY;
    while deliveries / every >= 100 {
        every *= 10;
    }
    every
}

fn tell(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
