//! The report of an emission.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{failure_counts::count_failures, failure_hook::FailureHook, guards::GuardStack};
use crate::{
    call::{CallContext, EmissionId, Stop},
    counting::EventCounts,
    event::EventType,
    event::isolate,
    listener::to_stderr,
    listener::{Failure, Outcome, Subject},
    registry::Snapshot,
};

/// How an emission went: which listeners did not finish well, and how.
///
/// Displayed, it is one line for each listener that did not finish well, with its name and the file and line of its
/// registration; or one line that says all is well.
///
/// A report may be dropped. Its failures have then gone to the failure hook
/// ([`on_failure`](crate::BusBuilder::on_failure)), or, without one and unless somebody has read them from here, go to
/// stderr: at most 20 lines in a second and process, and a count of the others.
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// # use eventbus_core::{Event, EventName};
/// # struct OrderPlaced;
/// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
/// # fn main() -> Result<(), eventbus::BoxError> {
/// use eventbus::Bus;
///
/// let bus = Bus::new();
/// bus.listener::<OrderPlaced>().named("stock").on(|_| Err("sold out"));
/// bus.on::<OrderPlaced>(|_| println!("counted"));
///
/// let report = bus.emit(OrderPlaced).blocking();
/// assert_eq!(report.succeeded(), 1);
/// for failure in report.failures() {
///     println!("{} {}", failure.listener(), failure.outcome());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Report {
    event: &'static EventType,
    emission: Option<EmissionId>,
    called: usize,
    /// What most reports do not have.
    rest: Option<Arc<Rare>>,
}

/// The rare parts of a report, shared by its clones.
struct Rare {
    /// The name and version, of an event whose name no type claims.
    unclaimed: Option<Subject>,
    stopped: Option<Stop>,
    failures: Vec<Failure>,
    refused_by: Option<&'static str>,
    /// How many listeners were not called since a test fakes the emission.
    faked: Option<usize>,
    /// Whether somebody has seen the failures, or the failure hook was told.
    read: AtomicBool,
}

impl Drop for Rare {
    fn drop(&mut self) {
        for failure in self.failures.drain(..) {
            if !*self.read.get_mut() {
                to_stderr(&failure);
            }
            // A listener's error may be user code as well, and the emitter shall not pay for its drop.
            let _ = isolate(|| drop(failure));
        }
    }
}

impl Report {
    /// The report of an emission whose listeners all finished well; nothing ran if there is no `emission`.
    #[inline]
    pub(crate) fn plain(event: &'static EventType, emission: Option<EmissionId>, called: usize) -> Self {
        Self { event, emission, called, rest: None }
    }

    /// The report of an event that nobody listens to.
    pub(crate) fn empty(event: &'static EventType, subject: &Subject) -> Self {
        Self::with_failures(event, subject, None, 0, None, Vec::new(), true)
    }

    /// The report of an emission that has ended. Counts the failures, and tells the failure hook.
    pub(crate) fn new(
        event: &'static EventType,
        subject: &Subject,
        emission: Option<EmissionId>,
        snapshot: &Snapshot,
        context: &mut CallContext<'_>,
        counts: Option<&EventCounts>,
        hook: &FailureHook,
    ) -> Self {
        count_failures(counts, snapshot, context.failures());
        let failures = take_failures(subject, snapshot, context);
        let told = !failures.is_empty() && hook.tell(&failures);
        let called = snapshot.len - context.skipped;
        Self::with_failures(event, subject, emission, called, context.stopped(), failures, told)
    }

    /// The report of an emission that was dropped, for its interceptors: nobody else is there to read it.
    pub(crate) fn of_dropped(
        event: &'static EventType,
        subject: &Subject,
        emission: Option<EmissionId>,
        called: usize,
        failures: Vec<Failure>,
    ) -> Self {
        Self::with_failures(event, subject, emission, called, Some(Stop::Cancelled), failures, true)
    }

    /// The report of an emission that a test fakes.
    pub(super) fn faked(event: &'static EventType, subject: &Subject, listeners: usize) -> Self {
        let unclaimed = subject.event_type().is_none().then(|| subject.clone());
        let read = AtomicBool::new(true);
        let rest =
            Rare { unclaimed, stopped: None, failures: Vec::new(), refused_by: None, faked: Some(listeners), read };
        Self { event, emission: None, called: 0, rest: Some(Arc::new(rest)) }
    }

    fn with_failures(
        event: &'static EventType,
        subject: &Subject,
        emission: Option<EmissionId>,
        called: usize,
        stopped: Option<Stop>,
        failures: Vec<Failure>,
        read: bool,
    ) -> Self {
        let unclaimed = subject.event_type().is_none().then(|| subject.clone());
        let is_plain = unclaimed.is_none() && stopped.is_none() && failures.is_empty();
        let rest = || {
            Arc::new(Rare { unclaimed, stopped, failures, refused_by: None, faked: None, read: AtomicBool::new(read) })
        };
        Self { event, emission, called, rest: if is_plain { None } else { Some(rest()) } }
    }

    /// Ends the guards of an emission. Interceptors that look at the failures do not count as readers: the emitter has not
    /// seen them yet.
    pub(crate) fn end(&self, guards: &mut GuardStack<Self>) {
        self.show(|report| guards.end(report));
    }

    /// Shows it to an interceptor.
    pub(super) fn show(&self, to: impl FnOnce(&Self)) {
        let read = self.rest.as_ref().map(|rest| rest.read.load(Ordering::Relaxed));
        to(self);
        if let (Some(rest), Some(read)) = (&self.rest, read) {
            rest.read.store(read, Ordering::Relaxed);
        }
    }

    fn subject(&self) -> Subject {
        let unclaimed = self.rest.as_ref().and_then(|rest| rest.unclaimed.clone());
        unclaimed.unwrap_or(Subject::Typed(self.event))
    }

    /// Notes which interceptor has refused the emission.
    pub(super) fn refused_by_interceptor(mut self, by: &'static str) -> Self {
        if let Some(rest) = self.rest.as_mut().and_then(Arc::get_mut) {
            rest.refused_by = Some(by);
        }
        self
    }

    pub(crate) fn stopped(&self) -> Option<Stop> {
        self.rest.as_ref().and_then(|rest| rest.stopped)
    }

    fn failed(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| rest.failures.len())
    }

    /// The name of the event that was emitted.
    pub fn event_name(&self) -> &str {
        let unclaimed = self.rest.as_ref().and_then(|rest| rest.unclaimed.as_ref());
        unclaimed.map_or(self.event.name().as_str(), Subject::name)
    }

    /// The type of the event, if a type claims its name.
    pub fn event_type(&self) -> Option<&'static EventType> {
        match self.rest.as_ref().and_then(|rest| rest.unclaimed.as_ref()) {
            Some(_) => None,
            None => Some(self.event),
        }
    }

    /// The emission's id; `None` if nothing ran: no listeners, or refused.
    pub fn emission(&self) -> Option<EmissionId> {
        self.emission
    }

    /// The type of the interceptor that refused the whole emission, if one did.
    pub fn refused_by(&self) -> Option<&'static str> {
        self.rest.as_ref()?.refused_by
    }

    /// Whether a test fakes the emission: its listeners were not called. Such a report is ok.
    #[cfg(feature = "testing")]
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn is_faked(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.faked.is_some())
    }

    /// How many listeners finished well.
    pub fn succeeded(&self) -> usize {
        self.called.saturating_sub(self.failed())
    }

    /// Whether every listener that was to run finished well and in time; also if there was none. Whoever asks counts as
    /// having read the failures: without a failure hook they are then not written to stderr.
    ///
    /// An emission that overran its limit is not ok, even if all its listeners finished well.
    pub fn is_ok(&self) -> bool {
        self.failures().is_empty() && self.stopped().is_none()
    }

    /// The listeners that did not finish well, in the order of their turns.
    pub fn failures(&self) -> &[Failure] {
        let Some(rest) = &self.rest else { return &[] };
        rest.read.store(true, Ordering::Relaxed);
        &rest.failures
    }

    /// Turns failures into an error, for `?`.
    ///
    /// # Errors
    ///
    /// [`EmitError`], which holds the report, if a listener did not finish well: [`TimedOut`](EmitError::TimedOut) if the
    /// emission's own time was up, [`Cancelled`](EmitError::Cancelled) if it was cancelled, else
    /// [`Failed`](EmitError::Failed).
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct OrderPlaced;
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::{Bus, EmitError};
    ///
    /// let bus = Bus::new();
    /// bus.listener::<OrderPlaced>().named("stock").on(|_| Err("sold out"));
    ///
    /// let error = bus.emit(OrderPlaced).blocking().into_result().unwrap_err();
    /// assert!(matches!(&error, EmitError::Failed(report) if report.failures().len() == 1));
    /// assert!(error.to_string().contains("sold out"));
    ///
    /// bus.clear();
    /// bus.emit(OrderPlaced).blocking().into_result()?; // nobody listens: nobody has failed
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_result(self) -> Result<Self, EmitError> {
        if self.is_ok() {
            return Ok(self);
        }
        Err(match self.stopped() {
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
        if let Some(listeners) = self.rest.as_ref().and_then(|rest| rest.faked) {
            let s = if listeners == 1 { " was" } else { "s were" };
            return write!(f, "{}: a test fakes the emission: {listeners} listener{s} not called", self.subject());
        }
        if failures.is_empty() {
            let s = if self.called == 1 { "" } else { "s" };
            let late = if self.stopped() == Some(Stop::TimedOut) { ", but not in time" } else { "" };
            return write!(f, "{}: {} listener{s} finished well{late}", self.subject(), self.called);
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
    /// The emission's time was up before all listeners had ended, or when the last one ended.
    #[error("timed out: {}", FailureLine(.0))]
    TimedOut(Report),
    /// The emission was cancelled before all listeners had ended.
    #[error("cancelled: {}", FailureLine(.0))]
    Cancelled(Report),
    /// All listeners have ended, or were refused; at least one not well.
    #[error("{}", FailureLine(.0))]
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

/// Takes the failures out of `context`, in the order of calls: awaited listeners end in any order.
pub(crate) fn take_failures(subject: &Subject, snapshot: &Snapshot, context: &mut CallContext<'_>) -> Vec<Failure> {
    if context.failures().is_empty() {
        return Vec::new();
    }
    let mut failures = std::mem::take(&mut context.notes().failures);
    failures.sort_by_key(|(index, _)| *index);
    let mut entries = snapshot.entries().enumerate().peekable();
    let failure = |(index, outcome): (usize, Outcome)| {
        while entries.next_if(|(at, _)| *at < index).is_some() {}
        entries.peek().map(|(_, entry)| Failure::new(subject.clone(), &entry.info, outcome))
    };
    failures.into_iter().filter_map(failure).collect()
}

/// All failures on one line, as an error's message.
struct FailureLine<'a>(&'a Report);

impl fmt::Display for FailureLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, called) = (self.0.subject(), self.0.called);
        let failures = self.0.failures();
        if failures.is_empty() {
            return write!(f, "{called} of {called} listeners of `{subject}` finished well, but not in time");
        }
        write!(f, "{} of {called} listeners of `{subject}` did not finish well", failures.len())?;
        for failure in failures {
            match innermost(failure) {
                Some((depth, error)) => {
                    write!(f, "; {} failed, {depth} emissions further in: {error}", failure.listener())?;
                }
                None => write!(f, "; {} {}", failure.listener(), failure.outcome())?,
            }
        }
        Ok(())
    }
}

/// The error of the innermost of several nested emissions, each of which has failed since the next one did, and how many they
/// are. The text of all would be cut before it comes to the reason.
fn innermost(failure: &Failure) -> Option<(usize, &EmitError)> {
    fn nested(failure: &Failure) -> Option<&EmitError> {
        failure.outcome().error()?.downcast_ref()
    }

    let (mut depth, mut error) = (0, nested(failure)?);
    while let [only] = error.report().failures()
        && let Some(next) = nested(only)
    {
        (depth, error) = (depth + 1, next);
    }
    (depth > 0).then_some((depth, error))
}
