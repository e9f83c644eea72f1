//! Mistakes of wiring that are made with run-time names.

use std::panic::Location;

use crate::{
    event::EventType,
    pattern::PatternError,
    registry::{Claim, Conflict},
};

/// An error returned by what registers or declares with run-time names.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WiringError {
    /// The pattern is malformed.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Another type has the event's name and version on this bus.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
}

/// Two event types with one name and version on one bus.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0}")]
pub struct NameTaken(pub(super) Conflict);

impl NameTaken {
    /// The type that has the name, and where it was first used on this bus.
    pub fn first(&self) -> (&'static EventType, &'static Location<'static>) {
        let Claim { event, location } = self.0.first;
        (event, location)
    }

    /// The type that came later, and where.
    pub fn second(&self) -> (&'static EventType, &'static Location<'static>) {
        let Claim { event, location } = self.0.second;
        (event, location)
    }
}
