//! Floor 11: the life of a bus's consumers and groups as a whole: health, drain, removal, shutdown.

mod drain;
mod groups;
mod returned;
mod shutdown;
mod shutdown_report;

pub use drain::NotDrained;
pub use groups::BusHealth;
pub use returned::{Returned as ReturnedMessage, Unconsumed};
pub(crate) use shutdown_report::Shutdown;
pub use shutdown_report::ShutdownReport;
