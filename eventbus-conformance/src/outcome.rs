//! How a property ends.

use std::fmt;

use crate::Property;

/// How a property ended.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PropertyOutcome {
    /// It holds.
    Passed,
    /// It was not looked at, and why.
    Skipped(String),
    /// It does not hold.
    Broken(Broken),
}

/// A clause that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Broken {
    /// The clause, or those among which it is.
    pub clause: String,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clause {} is broken\n  expected: {}\n  seen: {}", self.clause, self.expected, self.seen)
    }
}

/// How all properties ended.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Each property that was looked at, in the order of the suite.
    pub results: Vec<(&'static Property, PropertyOutcome)>,
}

impl Summary {
    /// Those that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = (&'static Property, &Broken)> {
        self.results.iter().filter_map(|(property, outcome)| match outcome {
            PropertyOutcome::Broken(broken) => Some((*property, broken)),
            _ => None,
        })
    }

    /// Those that were skipped, each with the reason.
    pub fn skipped(&self) -> impl Iterator<Item = (&'static Property, &str)> {
        self.results.iter().filter_map(|(property, outcome)| match outcome {
            PropertyOutcome::Skipped(reason) => Some((*property, reason.as_str())),
            _ => None,
        })
    }

    /// How many hold.
    pub fn passed(&self) -> usize {
        self.results.iter().filter(|(_, outcome)| *outcome == PropertyOutcome::Passed).count()
    }

    /// Prints the summary to stderr, and panics if a property does not hold: for use inside a test.
    ///
    /// # Panics
    ///
    /// If a property does not hold.
    #[track_caller]
    pub fn assert_kept(&self) {
        eprintln!("{self}");
        assert!(self.broken().next().is_none(), "the transport does not keep its contract\n{self}");
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (broken, skipped) = (self.broken().count(), self.skipped().count());
        write!(f, "{} passed, {broken} failed, {skipped} skipped", self.passed())?;
        for (property, reason) in self.skipped() {
            write!(f, "\nskipped {}: {reason}", property.name)?;
        }
        for (property, broken) in self.broken() {
            write!(f, "\nfailed {}: {broken}", property.name)?;
        }
        Ok(())
    }
}

/// Why a property did not get to its end.
#[derive(Debug)]
pub(crate) enum Halt {
    Skipped(String),
    Broken(Broken),
}

pub(crate) type Checked<T = ()> = Result<T, Halt>;

pub(crate) fn broken(clause: &str, expected: impl Into<String>, seen: impl fmt::Debug) -> Halt {
    let (expected, seen) = (excerpt(expected.into()), excerpt(format!("{seen:?}")));
    Halt::Broken(Broken { clause: clause.to_owned(), expected, seen })
}

/// Both ends of a text that is too long to be read.
fn excerpt(text: String) -> String {
    const LONGEST: usize = 1000;
    if text.len() <= LONGEST {
        return text;
    }
    let (first, last) = (text.floor_char_boundary(LONGEST / 2), text.ceil_char_boundary(text.len() - LONGEST / 2));
    format!("{} .. {}", &text[..first], &text[last..])
}

/// `Ok` if it is so.
pub(crate) fn ensure(is_so: bool, clause: &str, expected: impl Into<String>, seen: impl fmt::Debug) -> Checked {
    if is_so { Ok(()) } else { Err(broken(clause, expected, seen)) }
}

pub(crate) fn ensure_eq<T: PartialEq + fmt::Debug>(seen: &T, expected: &T, clause: &str, what: &str) -> Checked {
    ensure(seen == expected, clause, format!("{what}: {expected:?}"), seen)
}

/// `Ok` if the transport, or the rig, can do what the property needs.
pub(crate) fn needs(can: bool, reason: &str) -> Checked {
    if can { Ok(()) } else { Err(Halt::Skipped(reason.to_owned())) }
}
