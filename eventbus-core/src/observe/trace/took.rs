//! A time as people read it.

use std::{fmt, time::Duration};

/// A time with its unit, and one decimal below ten.
pub(super) struct Took(pub(super) Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (unit, name) = match nanos {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        let (whole, tenth) = (nanos / unit, nanos % unit * 10 / unit);
        if tenth == 0 || whole >= 10 { write!(f, "{whole}{name}") } else { write!(f, "{whole}.{tenth}{name}") }
    }
}
