//! Two types with one name and version.

use std::{fmt, panic::Location};

use crate::event::EventType;

/// A type that has been seen under an identity, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) event: &'static EventType,
    pub(crate) location: &'static Location<'static>,
}

impl Claim {
    /// Whether the two cannot stand on one bus.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        let identity = |claim: &Self| (claim.event.name(), claim.event.version());
        let same_identity = identity(self) == identity(other);
        let shared = self.event.shares_name() && other.event.shares_name();
        same_identity && !shared && self.event != other.event
    }
}

/// Two types under one name and version on one bus.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conflict {
    pub(crate) first: Claim,
    pub(crate) second: Claim,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second } = self;
        write!(
            f,
            "two event types have the name `{}` and the version {}: `{}`, first used at {}, and `{}`, used at {}; \
             give one of them another name or version",
            first.event.name(),
            first.event.version(),
            first.event.rust_type(),
            first.location,
            second.event.rust_type(),
            second.location,
        )?;
        if same_generic(first.event.rust_type(), second.event.rust_type()) {
            f.write_str(" (monomorphs of one generic type may share them if it says `#[event(shares_name)]`)")?;
        }
        Ok(())
    }
}

fn same_generic(first: &str, second: &str) -> bool {
    match (first.split_once('<'), second.split_once('<')) {
        (Some((first, _)), Some((second, _))) => first == second,
        _ => false,
    }
}
