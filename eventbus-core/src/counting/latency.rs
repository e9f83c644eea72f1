//! How long measured emissions and calls took.

use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::{
    interleave,
    sync::{Mutex, lock},
};

/// How long emissions, calls of a listener, or handlers took, as far as they were measured: `count` says how many were.
///
/// Quantiles are exact to 1 %. What took longer than an hour counts there as an hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Latency {
    /// How many were measured. Without any, the times are zero.
    pub count: u64,
    /// The mean.
    pub mean: Duration,
    /// Half of them took no longer.
    pub p50: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
    /// When the last of them ended.
    pub last: Option<SystemTime>,
}

/// The times while they are recorded. Nothing is allocated before the first.
#[derive(Default)]
pub(crate) struct Latencies(Mutex<Option<Box<RecordedTimes>>>);

struct RecordedTimes {
    histogram: Histogram<u64>,
    sum: Duration,
    max: Duration,
    last: Instant,
}

/// The quantiles' digits.
const DIGITS: u8 = 2;

/// What takes longer is counted as this long, which bounds the histogram: it grows with the longest time.
const LONGEST: Duration = Duration::from_hours(1);

impl Latencies {
    /// Records what began at `started` and has just ended.
    pub(crate) fn record_since(&self, started: Instant) {
        let now = Instant::now();
        self.record(now.saturating_duration_since(started), now);
    }

    fn record(&self, time: Duration, now: Instant) {
        let nanos = u64::try_from(time.min(LONGEST).as_nanos()).unwrap_or(u64::MAX);
        let mut recorded = lock(&self.0);
        let recorded = recorded.get_or_insert_with(|| Box::new(RecordedTimes::new(now)));
        // It grows by itself, and fails only where memory could not be addressed.
        let _ = recorded.histogram.record(nanos);
        recorded.sum = recorded.sum.saturating_add(time);
        recorded.max = recorded.max.max(time);
        recorded.last = recorded.last.max(now);
    }

    pub(crate) fn now(&self) -> Latency {
        lock(&self.0).as_ref().map_or_else(Latency::default, |recorded| recorded.now())
    }
}

impl RecordedTimes {
    fn new(now: Instant) -> Self {
        let Ok(histogram) = Histogram::new(DIGITS) else { unreachable!("it takes up to five digits") };
        Self { histogram, sum: Duration::ZERO, max: Duration::ZERO, last: now }
    }

    fn now(&self) -> Latency {
        let count = self.histogram.len();
        let quantile = |quantile| Duration::from_nanos(self.histogram.value_at_quantile(quantile)).min(self.max);
        let mean = self.sum.as_nanos() / u128::from(count.max(1));
        Latency {
            count,
            mean: Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX)),
            p50: quantile(0.5),
            p99: quantile(0.99),
            max: self.max,
            last: interleave::system_time().checked_sub(self.last.elapsed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_times_have_their_quantiles() {
        let latencies = Latencies::default();
        assert_eq!(latencies.now(), Latency::default());
        let last = Instant::now();
        for micros in 1..=1_000 {
            latencies.record(Duration::from_micros(micros), last);
        }
        latencies.record(Duration::ZERO, last);
        let Latency { count, mean, p50, p99, max, last } = latencies.now();
        assert_eq!((count, max), (1_001, Duration::from_millis(1)));
        assert!(last.is_some_and(|last| last.elapsed().is_ok_and(|ago| ago < Duration::from_mins(1))));
        assert_eq!(mean, Duration::from_micros(500));
        assert!((495..=505).contains(&p50.as_micros()), "{p50:?}");
        assert!((980..=1_000).contains(&p99.as_micros()), "{p99:?}");
    }

    #[test]
    fn days_are_hours_in_quantiles_only() {
        let latencies = Latencies::default();
        let day = Duration::from_hours(24);
        latencies.record(day, Instant::now());
        let latency = latencies.now();
        assert_eq!((latency.mean, latency.max), (day, day));
        assert!((3_600..3_700).contains(&latency.p50.as_secs()), "{:?}", latency.p50);
    }
}
