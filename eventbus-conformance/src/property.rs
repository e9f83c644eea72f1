//! The list of properties.

use std::fmt;

use eventbus::transport::BoxFuture;

use crate::{bus, lab::Lab, outcome::Checked, transport};

/// A claim about a transport.
#[non_exhaustive]
pub struct Property {
    /// Its name, a claim.
    pub name: &'static str,
    /// The clauses that it checks: those of [`Transport`](eventbus::transport::Transport), and `S1` to `S32` of this crate's own list.
    pub clauses: &'static [&'static str],
    pub(crate) run: for<'l> fn(&'l mut Lab) -> BoxFuture<'l, Checked>,
    /// On a runtime of one thread.
    pub(crate) is_single: bool,
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Property").field("name", &self.name).field("clauses", &self.clauses).finish_non_exhaustive()
    }
}

/// All properties: those of the transport itself first, then those of a bus over it.
pub fn properties() -> impl Iterator<Item = &'static Property> {
    transport::ALL.iter().chain(bus::ALL).copied().flatten()
}

/// A property from a function and its clauses.
macro_rules! property {
    ($run:ident: $($clause:ident)+) => {
        $crate::Property {
            name: stringify!($run),
            clauses: &[$(stringify!($clause)),+],
            run: |lab| Box::pin($run(lab)),
            is_single: false,
        }
    };
}
pub(crate) use property;
