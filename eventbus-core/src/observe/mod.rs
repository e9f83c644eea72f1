//! Floor 10: what a bus tells of itself.

mod explain;
#[cfg(feature = "tracing")]
mod spans;

pub use explain::Explanation;
#[cfg(feature = "tracing")]
pub use spans::{Propagation, Tracing};
#[cfg(feature = "tracing")]
pub(crate) use spans::{tell, tell_failure};
