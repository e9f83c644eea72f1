//! `GET /metrics`: what the buses of the service count and measure, in the text that Prometheus reads.

use std::{fmt, sync::Arc, time::Duration};

use eventbus::{Bus, intercept::Metrics};
use hyper::{
    Response,
    header::{CONTENT_TYPE, HeaderValue},
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusRecorder};
use tokio::time::{MissedTickBehavior, interval};

use super::answer::Answer;

pub(super) const PATH: &str = "/metrics";

/// The bounds of the histograms, in seconds: those that OpenTelemetry advises for messaging.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// How often measured times go from the list in which they are noted into the histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// Where the buses of a service record. A clone is the same place.
#[derive(Clone)]
pub(crate) struct Exporter(Arc<PrometheusRecorder>);

impl Exporter {
    /// # Errors
    ///
    /// The exporter does not take the bounds.
    pub(crate) fn new() -> Result<Self, BuildError> {
        let builder = PrometheusBuilder::new().with_recommended_naming(true).set_buckets(&BOUNDS)?;
        Ok(Self(Arc::new(builder.build_recorder())))
    }

    /// What a bus is to record here.
    pub(crate) fn metrics(&self) -> Metrics {
        Metrics::with_recorder(Arc::clone(&self.0))
    }

    /// What is recorded, and how full the queues of `bus` are now. Anybody may ask: there is nothing of a delivery in it.
    pub(super) async fn answer(&self, bus: &Bus) -> Response<Answer> {
        bus.record_gauges().await;
        let mut response = Response::new(self.0.handle().render().into());
        let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
        response
    }

    /// Keeps what is recorded small, though nobody may ever ask for it. Does not end.
    pub(super) async fn keep_up(self) {
        let mut ticks = interval(UPKEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.0.handle().run_upkeep();
        }
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter").finish_non_exhaustive()
    }
}
