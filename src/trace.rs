//! What caused what: the trace that [`Bus::trace`](crate::Bus::trace) gives, as a tree.

pub use eventbus_core::{Correlation, Trace, TraceCause, TraceNode, TraceOutcome, Traced};
