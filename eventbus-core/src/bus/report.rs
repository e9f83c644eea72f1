//! What an emission tells its caller.

use std::{fmt, sync::Arc};

use super::{
    Bus,
    failure_hook::{FailureHook, Failures},
};
use crate::{
    dispatch::{Arounds, EmissionId, Stop, Tally},
    event::EventType,
    listener::{Failure, Subject},
};

/// How an emission went: who did not finish well, and how.
///
/// Displayed, it is one line for each listener that did not finish well, with its name and the file and line of its
/// registration; or one line that says all is well.
///
/// A report may be dropped. Its failures have then gone to the failure hook
/// ([`on_failure`](super::BusBuilder::on_failure)), or, without one and unless somebody has read them from here, go to
/// stderr: at most 20 lines in a second and process, and a count of the others.
#[derive(Clone)]
pub struct Report {
    subject: Subject,
    emission: Option<EmissionId>,
    called: usize,
    stopped: Option<Stop>,
    failures: Option<Arc<Failures>>,
}

impl Report {
    /// The report of an event that nobody listens to.
    #[inline]
    pub(super) fn empty(subject: Subject) -> Self {
        Self { subject, emission: None, called: 0, stopped: None, failures: None }
    }

    #[inline]
    pub(super) fn new(emission: Option<EmissionId>, listeners: usize, tally: Tally, hook: &FailureHook) -> Self {
        let failures = if tally.failures.is_empty() { None } else { Some(hook.told(tally.failures)) };
        Self { subject: tally.subject, emission, called: listeners - tally.skipped, stopped: tally.stopped, failures }
    }

    /// The report of an emission that ran, and whose frame is set.
    #[inline]
    pub(super) fn of(bus: &Bus, emission: EmissionId, listeners: usize, tally: Tally) -> Self {
        Self::new(Some(emission), listeners, tally, &bus.inner.hook)
    }

    /// The report of an emission that was dropped: for those around it, since nobody else is there to read it.
    pub(super) fn of_dropped(emission: EmissionId, listeners: usize, tally: Tally) -> Self {
        let Tally { subject, failures, skipped, stopped } = tally;
        let failures = Some(Failures::known(failures));
        Self { subject, emission: Some(emission), called: listeners - skipped, stopped, failures }
    }

    /// Ends what is around the emission. That it looks at the failures does not count as reading them: it measures, and
    /// whoever emitted has not seen them yet.
    pub(super) fn end(&self, arounds: &mut Arounds<Self>) {
        match &self.failures {
            Some(failures) => failures.shown(|| arounds.end(self)),
            None => arounds.end(self),
        }
    }

    /// The name of the event that was emitted.
    pub fn event_name(&self) -> &str {
        self.subject.name()
    }

    /// The type of the event, if a type claims its name.
    pub fn event_type(&self) -> Option<&'static EventType> {
        self.subject.event_type()
    }

    /// The emission's id; `None` if nothing ran: no listeners, or refused.
    pub fn emission(&self) -> Option<EmissionId> {
        self.emission
    }

    /// How many listeners finished well.
    pub fn succeeded(&self) -> usize {
        self.called.saturating_sub(self.failures.as_ref().map_or(0, |failures| failures.len()))
    }

    /// Whether every listener that was to run finished well; also if there was none. Whoever asks counts as having read
    /// the failures: without a failure hook they are then not written to stderr.
    pub fn is_ok(&self) -> bool {
        self.failures().is_empty()
    }

    /// The listeners that did not finish well, in the order of their turns.
    pub fn failures(&self) -> &[Failure] {
        self.failures.as_ref().map_or(&[], |failures| failures.read())
    }

    /// Turns failures into an error, for `?`.
    ///
    /// # Errors
    ///
    /// [`EmitError`], which holds the report, if a listener did not finish well: [`TimedOut`](EmitError::TimedOut) if the
    /// emission's own time was up, [`Cancelled`](EmitError::Cancelled) if it was cancelled, else
    /// [`Failed`](EmitError::Failed).
    pub fn into_result(self) -> Result<Self, EmitError> {
        if self.is_ok() {
            return Ok(self);
        }
        Err(match self.stopped {
            Some(Stop::TimedOut) => EmitError::TimedOut(self),
            Some(Stop::Cancelled) => EmitError::Cancelled(self),
            None => EmitError::Failed(self),
        })
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("event", &self.event_name())
            .field("emission", &self.emission)
            .field("succeeded", &self.succeeded())
            .field("failures", &self.failures())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = self.failures();
        if failures.is_empty() {
            let s = if self.called == 1 { "" } else { "s" };
            return write!(f, "{}: {} listener{s} finished well", self.subject, self.called);
        }
        for (at, failure) in failures.iter().enumerate() {
            let line_end = if at == 0 { "" } else { "\n" };
            write!(f, "{line_end}{failure}")?;
        }
        Ok(())
    }
}

/// An error returned by [`Report::into_result`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The emission's time was up before all listeners had ended.
    #[error("timed out: {}", Summary(.0))]
    TimedOut(Report),
    /// The emission was cancelled before all listeners had ended.
    #[error("cancelled: {}", Summary(.0))]
    Cancelled(Report),
    /// All listeners have ended, or were refused; at least one not well.
    #[error("{}", Summary(.0))]
    Failed(Report),
}

impl EmitError {
    /// The report.
    pub fn report(&self) -> &Report {
        match self {
            Self::TimedOut(report) | Self::Cancelled(report) | Self::Failed(report) => report,
        }
    }

    /// Takes the report out.
    pub fn into_report(self) -> Report {
        match self {
            Self::TimedOut(report) | Self::Cancelled(report) | Self::Failed(report) => report,
        }
    }
}

/// All failures on one line, as an error's message.
struct Summary<'a>(&'a Report);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { subject, called, .. } = self.0;
        let failures = self.0.failures();
        write!(f, "{} of {called} listeners of `{subject}` did not finish well", failures.len())?;
        for failure in failures {
            write!(f, "; {} {}", failure.listener(), failure.outcome())?;
        }
        Ok(())
    }
}
