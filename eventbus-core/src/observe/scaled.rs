//! A time in the unit in which people read it.

use std::time::Duration;

/// A time in the largest unit of which it has at least one; below a nanosecond, in nanoseconds.
pub(super) struct Scaled {
    pub(super) whole: u128,
    pub(super) tenth: u128,
    pub(super) unit: &'static str,
}

const UNITS: [(u128, &str); 6] = [
    (1, "ns"),
    (1_000, "µs"),
    (1_000_000, "ms"),
    (1_000_000_000, "s"),
    (60_000_000_000, "min"),
    (3_600_000_000_000, "h"),
];

impl Scaled {
    /// Up to seconds.
    pub(super) fn to_seconds(time: Duration) -> Self {
        Self::to(time, &UNITS[..4])
    }

    /// Up to hours.
    pub(super) fn to_hours(time: Duration) -> Self {
        Self::to(time, &UNITS)
    }

    fn to(time: Duration, units: &[(u128, &'static str)]) -> Self {
        let nanos = time.as_nanos();
        let (size, unit) = units.iter().copied().rfind(|(size, _)| nanos >= *size).unwrap_or(UNITS[0]);
        Self { whole: nanos / size, tenth: nanos % size * 10 / size, unit }
    }
}
