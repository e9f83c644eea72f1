//! How the call of a listener can end, if not well.

use std::{
    error::Error,
    fmt::{self, Write as _},
    sync::Arc,
};

use super::{ErrorText, ListenerInfo, Subject};
use crate::event::{EventType, OneLine};

/// A listener that did not finish well, and how.
#[derive(Clone, Debug)]
pub struct Failure {
    subject: Subject,
    listener: ListenerInfo,
    outcome: Outcome,
    /// Of a handler: which attempt it was.
    attempt: Option<u32>,
    is_last_attempt: bool,
}

impl Failure {
    pub(crate) fn new(subject: Subject, listener: &ListenerInfo, outcome: Outcome) -> Self {
        Self { subject, listener: listener.clone(), outcome, attempt: None, is_last_attempt: false }
    }

    /// The attempt of a consumer's handler that failed.
    pub(crate) fn of_attempt(
        subject: Subject,
        handler: &ListenerInfo,
        outcome: Outcome,
        attempt: u32,
        is_last: bool,
    ) -> Self {
        Self { subject, listener: handler.clone(), outcome, attempt: Some(attempt), is_last_attempt: is_last }
    }

    /// Which attempt it was, from 1, if a consumer's handler failed: its [`listener`](Self::listener) is a
    /// [`Handler`](super::ListenerKind::Handler) then.
    pub fn attempt(&self) -> Option<u32> {
        self.attempt
    }

    /// Whether that was the last attempt: the delivery is a dead letter.
    pub fn is_dead_letter(&self) -> bool {
        self.is_last_attempt
    }

    /// The name of the event that was emitted.
    pub fn event_name(&self) -> &str {
        self.subject.name()
    }

    /// The type of the event, if a type claims its name.
    pub fn event_type(&self) -> Option<&'static EventType> {
        self.subject.event_type()
    }

    /// The listener.
    pub fn listener(&self) -> &ListenerInfo {
        &self.listener
    }

    /// What became of its call.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}

/// Prints on one line: ``order.completed: listener `invoice` (src/main.rs:12) failed: no such customer``.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.subject, self.listener, self.outcome)?;
        match self.attempt {
            Some(attempt) if self.is_last_attempt => write!(f, " (attempt {attempt}, the last: it is a dead letter)"),
            Some(attempt) => write!(f, " (attempt {attempt}, another follows)"),
            None => Ok(()),
        }
    }
}

/// How a listener's call ended, if not well.
///
/// What it prints is bounded: of an error its text and that of 16 sources, of each at most 1 KiB, of a panic's message 1 KiB.
/// An error whose `Display` or `source()` panics is printed up to there, with the panic's message. `Debug` shows the same text,
/// and not the error's own `Debug`.
#[derive(Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// It returned an error.
    Failed(Arc<dyn Error + Send + Sync>),
    /// It panicked; the panic's message, where it was text.
    Panicked(Arc<str>),
    /// It was stopped: its time was up, or the emission's.
    TimedOut,
    /// It was stopped, or not started, since the emission was cancelled.
    Cancelled,
    /// It runs on, in a task or thread of its own: the emission's time was up, or it was cancelled. Should it fail yet, the
    /// failure hook is told.
    StillRunning,
    /// It was not called.
    NotRun(NotRun),
}

impl Outcome {
    /// The listener's own error, if it returned one.
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match self {
            Self::Failed(error) => Some(&**error),
            _ => None,
        }
    }

    /// Its kind, in a word or two.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::TimedOut => "timed out",
            Self::Cancelled => "cancelled",
            Self::StillRunning => "still running",
            Self::NotRun(_) => "not run",
        }
    }
}

/// Prints on one line, an error with its sources.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = OneLine(f);
        match self {
            Self::Failed(error) => {
                write!(line, "failed: {}", ErrorText::with_sources(&**error))
            }
            Self::Panicked(message) => write!(line, "panicked: {message}"),
            Self::TimedOut => line.write_str("timed out"),
            Self::Cancelled => line.write_str("was cancelled"),
            Self::StillRunning => line.write_str("is still running"),
            Self::NotRun(why) => write!(line, "did not run: {why}"),
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(&ErrorText::with_sources(&**error)).finish(),
            Self::Panicked(message) => f.debug_tuple("Panicked").field(message).finish(),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::Cancelled => f.write_str("Cancelled"),
            Self::StillRunning => f.write_str("StillRunning"),
            Self::NotRun(why) => f.debug_tuple("NotRun").field(why).finish(),
        }
    }
}

/// Why a listener was not called. What it prints is bounded, as for [`Outcome`].
#[derive(Clone)]
#[non_exhaustive]
pub enum NotRun {
    /// Listeners that emit to listeners that emit .. went deeper than the bus allows.
    RecursionLimit(Chain),
    /// It needs a runtime, and there is none: its timer, a task or the blocking pool.
    NoRuntime,
    /// Its runtime has shut down.
    RuntimeShutDown,
    /// `blocking()` was called in an async task, where waiting would hold up the runtime.
    InsideAsyncTask,
    /// No thread of the blocking pool had begun it when its time was up or its emission ended.
    NotBegun,
    /// As many emissions are under way by `spawn()` as the bus allows.
    TooManySpawned {
        /// The limit.
        limit: usize,
    },
    /// An interceptor refused the call, or the whole emission, for this reason. One that panicked instead of answering has
    /// refused.
    Refused(Arc<dyn Error + Send + Sync>),
    /// It was switched off while interceptors were asked, or another thread took its only run. Told to them only: a report
    /// does not speak of listeners that are gone.
    Gone,
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecursionLimit(chain) if chain.is_spent => write!(
                f,
                "the chain of emissions has reached the limit of this bus before: {chain} (break the circle, or raise \
                 `recursion_limit`)",
            ),
            Self::RecursionLimit(chain) => write!(
                f,
                "emissions are nested {} deep, the limit of this bus: {chain} (break the circle, or raise `recursion_limit`)",
                chain.depth
            ),
            Self::NoRuntime => f.write_str(
                "it needs a tokio runtime, and none was found (emit from inside one, or give the bus one with `runtime`)",
            ),
            Self::NotBegun => f.write_str("no thread was free before its time was up, or its emission ended"),
            Self::RuntimeShutDown => f.write_str("the runtime has shut down"),
            Self::InsideAsyncTask => {
                f.write_str("`blocking()` cannot wait inside an async task (await the emission instead)")
            }
            Self::TooManySpawned { limit } => {
                write!(f, "{limit} spawned emissions are under way, the limit of this bus (`max_spawned`)")
            }
            Self::Refused(reason) => write!(f, "refused: {}", ErrorText::with_sources(&**reason)),
            Self::Gone => f.write_str("it is off, or has had its only run"),
        }
    }
}

impl fmt::Debug for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecursionLimit(chain) => f.debug_tuple("RecursionLimit").field(chain).finish(),
            Self::NoRuntime => f.write_str("NoRuntime"),
            Self::NotBegun => f.write_str("no thread was free before its time was up, or its emission ended"),
            Self::RuntimeShutDown => f.write_str("RuntimeShutDown"),
            Self::InsideAsyncTask => f.write_str("InsideAsyncTask"),
            Self::TooManySpawned { limit } => f.debug_struct("TooManySpawned").field("limit", limit).finish(),
            Self::Refused(reason) => f.debug_tuple("Refused").field(&ErrorText::with_sources(&**reason)).finish(),
            Self::Gone => f.write_str("Gone"),
        }
    }
}

/// The emissions that led to one another, the last few of them.
#[derive(Clone, Debug)]
pub struct Chain {
    pub(crate) depth: u32,
    pub(crate) events: Arc<[&'static EventType]>,
    /// Whether another emission of the chain has reached the limit before.
    pub(crate) is_spent: bool,
}

impl Chain {
    /// How many emissions were under way, one inside the other.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Whether the chain had reached the limit before, in another of its emissions: what it would still emit is refused
    /// then, so that a circle with two listeners ends.
    pub fn is_spent(&self) -> bool {
        self.is_spent
    }

    /// The events of the innermost of them, and last the one that was refused.
    pub fn events(&self) -> &[&'static EventType] {
        &self.events
    }
}

/// Prints as `a -> b -> a`, with `..` in front where the chain is longer than what is kept of it.
impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.events.len() <= self.depth as usize {
            f.write_str(".. -> ")?;
        }
        for (at, event) in self.events.iter().enumerate() {
            let arrow = if at == 0 { "" } else { " -> " };
            write!(f, "{arrow}{}", event.wire_type())?;
        }
        Ok(())
    }
}
