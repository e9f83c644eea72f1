//! Floor 10: what a bus tells of itself: its catalog, explanations, statistics, trace, spans and metrics.

mod catalog;
mod explain;
#[cfg(feature = "metrics")]
mod metrics;
mod scaled;
mod slow;
#[cfg(feature = "tracing")]
mod spans;
mod stats;
mod trace;

#[cfg(feature = "serde")]
pub use catalog::AsyncApiInfo;
pub use catalog::{Catalog, CatalogEvent, CatalogGroup, CatalogListener};
pub use explain::{ExplainedGroup, Explanation, GroupCondition};
#[cfg(feature = "metrics")]
pub use metrics::Metrics;
#[cfg(feature = "metrics")]
pub(crate) use metrics::{MetricsPart, Recorded};
pub(crate) use slow::SlowListeners;
#[cfg(feature = "tracing")]
pub use spans::{Propagation, Tracing};
#[cfg(feature = "tracing")]
pub(crate) use spans::{tell, tell_failure};
pub use stats::{EventStats, ListenerStats, Stats};
pub(crate) use trace::Tracer;
pub use trace::{Correlation, Trace, TraceCause, TraceNode, TraceOutcome, Traced};
