//! A time as people read it.

use std::{fmt, time::Duration};

use super::super::scaled::Scaled;

/// A time with its unit, and one decimal below ten.
pub(super) struct Took(pub(super) Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scaled { whole, tenth, unit } = Scaled::to_seconds(self.0);
        if tenth == 0 || whole >= 10 { write!(f, "{whole}{unit}") } else { write!(f, "{whole}.{tenth}{unit}") }
    }
}
