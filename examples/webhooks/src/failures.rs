//! What failed: the first hundred of each kind with the reason, and how many there were.

use std::{collections::BTreeMap, fmt};

use eventbus::by_name::ReadJsonError;
use serde::Serialize;

use crate::bounded::{self, Firsts};

/// Why a delivery can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    /// The line could not be read, or holds no delivery.
    Line,
    /// Its kind makes no name that the bus can find a type by.
    Kind,
    /// Its payload is not what the type of its kind says.
    Payload,
    /// A module could not handle it.
    Module,
    /// It was not published.
    Unpublished,
    /// The program has ended before.
    NotInTime,
}

impl FailureKind {
    pub(crate) fn of(error: &ReadJsonError) -> Self {
        match error {
            ReadJsonError::Payload { .. } | ReadJsonError::TooLarge { .. } => Self::Payload,
            _ => Self::Kind,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "no delivery in the line",
            Self::Kind => "no event name",
            Self::Payload => "not decoded",
            Self::Module => "not handled by a module",
            Self::Unpublished => "not published",
            Self::NotInTime => "not handled in time",
        })
    }
}

/// A delivery that failed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FailedDelivery {
    pub(crate) line: u64,
    /// The delivery's dotted name, where the line could be read that far.
    pub(crate) delivery: Option<String>,
    pub(crate) reason: String,
}

impl FailedDelivery {
    /// A line that holds no delivery.
    pub(crate) fn damaged(line: u64, reason: String) -> Self {
        Self { line, delivery: None, reason }
    }

    /// A delivery of this name. Of long texts, the start is kept.
    pub(crate) fn named(line: u64, name: &str, reason: &str) -> Self {
        Self { line, delivery: Some(bounded::name(name).to_owned()), reason: bounded::text(reason).to_owned() }
    }
}

/// All that failed.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    kinds: BTreeMap<FailureKind, Firsts<FailedDelivery>>,
    all: usize,
}

impl Failures {
    pub(crate) fn push(&mut self, kind: FailureKind, failure: impl FnOnce() -> FailedDelivery) {
        self.all += 1;
        self.kinds.entry(kind).or_default().push(failure);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all
    }

    /// Those that were kept, by line.
    pub(crate) fn listed(&self) -> Vec<FailedDelivery> {
        let mut listed: Vec<_> = self.kinds.values().flat_map(Firsts::kept).cloned().collect();
        listed.sort_by_key(|failure| failure.line);
        listed
    }

    /// How many there are of each kind that were not kept.
    pub(crate) fn unlisted(&self) -> BTreeMap<FailureKind, usize> {
        let kinds = self.kinds.iter().map(|(kind, failures)| (*kind, failures.more()));
        kinds.filter(|(_, more)| *more > 0).collect()
    }
}
