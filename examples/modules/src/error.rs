//! Why something could not be done.

use std::fmt;

use eventbus::{EmitError, WiringError, deferred::ReleaseError};

#[derive(Debug)]
pub(crate) enum Error {
    /// The database said no. Nothing has changed, and nobody has heard of it.
    Database(rusqlite::Error),
    /// A listener of a critical event said no. Nothing has changed.
    Refused(EmitError),
    /// It is done, but not everybody who should act on it could.
    DoneBut(ReleaseError),
    /// A module cannot be wired.
    Wiring(WiringError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Refused(error) => write!(f, "refused: {error}"),
            Self::DoneBut(error) => write!(f, "done, but {error}"),
            Self::Wiring(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Database(error) => error,
            Self::Refused(error) => error,
            Self::DoneBut(error) => error,
            Self::Wiring(error) => error,
        })
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<EmitError> for Error {
    fn from(error: EmitError) -> Self {
        Self::Refused(error)
    }
}

impl From<ReleaseError> for Error {
    fn from(error: ReleaseError) -> Self {
        Self::DoneBut(error)
    }
}

impl From<WiringError> for Error {
    fn from(error: WiringError) -> Self {
        Self::Wiring(error)
    }
}
