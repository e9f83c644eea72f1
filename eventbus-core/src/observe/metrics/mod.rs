//! Counters, histograms and gauges of the crate `metrics`.

mod gauges;
mod instruments;
mod recording;

use std::fmt;

use metrics::Recorder;

use self::recording::Recording;
pub(crate) use self::recording::{MetricsPart, Recorded};

#[doc = include_str!("metrics.md")]
pub struct Metrics(MetricsTarget);

/// Where metrics are recorded.
pub(crate) enum MetricsTarget {
    /// In the recorder of the program.
    Installed,
    Own(Box<dyn Recorder + Send + Sync>),
}

impl Metrics {
    /// Records in the recorder that the program has installed (`metrics::set_global_recorder`, or what its exporter does).
    ///
    /// [`BusBuilder::metrics`](crate::BusBuilder::metrics) looks for it: install it first. If there is none by then, nothing is
    /// recorded, also later, and the bus does nothing more for each event than it does without metrics.
    pub fn new() -> Self {
        Self(MetricsTarget::Installed)
    }

    /// Records in this recorder, whatever the program has installed.
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use metrics::NoopRecorder as MyRecorder;
    /// use eventbus::{Bus, Metrics};
    ///
    /// let bus = Bus::builder().metrics(Metrics::with_recorder(MyRecorder)).build();
    /// ```
    pub fn with_recorder(recorder: impl Recorder + Send + Sync + 'static) -> Self {
        Self(MetricsTarget::Own(Box::new(recorder)))
    }

    /// What records, if something does.
    pub(crate) fn start(self) -> Option<Recorded> {
        self.0.with(instruments::are_recorded).then(|| Recording::start(self.0))
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl MetricsTarget {
    fn with<T>(&self, record: impl FnOnce(&dyn Recorder) -> T) -> T {
        match self {
            Self::Installed => metrics::with_recorder(record),
            Self::Own(recorder) => record(&**recorder),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match self.0 {
            MetricsTarget::Installed => "the installed recorder",
            MetricsTarget::Own(_) => "a recorder of its own",
        };
        f.debug_tuple("Metrics").field(&target).finish()
    }
}
