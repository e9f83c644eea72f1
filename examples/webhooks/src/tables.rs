//! What `--stats` shows: what the buses have counted.

use std::fmt::{self, Display, Formatter};

use eventbus::stats::Stats;
use serde::{Serialize, Serializer};

/// The statistics of each bus, by what it is for. If deliveries are published, each module has a bus of its own.
#[derive(Debug)]
pub(crate) struct Tables(pub(crate) Vec<(&'static str, Stats)>);

impl Display for Tables {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (name, stats) in &self.0 {
            writeln!(f, "Statistics of {name}\n{stats}\n")?;
        }
        Ok(())
    }
}

impl Serialize for Tables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, stats)| (name, stats)))
    }
}
