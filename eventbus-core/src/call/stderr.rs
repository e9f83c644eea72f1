//! The last resort for what nobody else will tell.

use std::fmt::{self, Write as _};

use super::isolate;
use crate::listener::OneLine;

/// Writes a line to stderr. The foreign `Display` in it may panic, or wait for somebody who writes to stderr: it runs
/// first, isolated, and outside of the lock of stderr.
pub(crate) fn to_stderr(line: &dyn fmt::Display) {
    let mut text = String::new();
    // A `Display` that gives up leaves what it wrote until then.
    if let Err(message) = isolate(|| _ = write!(OneLine(&mut text), "{line}")) {
        let _ = write!(OneLine(&mut text), "(printing it panicked: {message})");
    }
    // `eprintln` panics where stderr is closed.
    let _ = isolate(|| eprintln!("eventbus: {text}"));
}
