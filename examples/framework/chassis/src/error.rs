//! What can go wrong with an application as a whole.

use std::{error::Error, fmt};

use eventbus::BoxError;

/// A module kept the application from starting. Those that had been started are stopped.
#[derive(Debug)]
pub struct StartError {
    pub(crate) module: String,
    pub(crate) source: BoxError,
}

impl StartError {
    /// The module that did not start.
    pub fn module(&self) -> &str {
        &self.module
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "module `{}` did not start: {}", self.module, self.source)
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// Modules that did not stop well. All others are stopped.
#[derive(Debug)]
pub struct StopError {
    pub(crate) failed: Vec<(String, BoxError)>,
}

impl StopError {
    /// The modules, in the order in which they were stopped, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &BoxError)> {
        self.failed.iter().map(|(module, error)| (module.as_str(), error))
    }
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("did not stop well: ")?;
        for (at, (module, error)) in self.failed.iter().enumerate() {
            let comma = if at == 0 { "" } else { "; " };
            write!(f, "{comma}module `{module}`: {error}")?;
        }
        Ok(())
    }
}

impl Error for StopError {}
