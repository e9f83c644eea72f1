//! Floor 10: what a bus tells of itself.

mod explain;

pub use explain::Explanation;
