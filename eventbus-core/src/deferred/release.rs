//! Emitting and publishing what was kept, and the result.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::kept::{Kept, ReleaseStep, Unpublished};
use crate::{
    call::{Deadline, EmissionLimits},
    emission::{EmitAny, EmitError, Mode, Report},
};

/// The release of kept events; made by [`Deferred::release`](crate::Deferred::release). Awaited, or ended by
/// [`blocking`](Self::blocking), it emits them one after the other and gives their reports.
///
/// Limits are those of [`Emit`](crate::Emit), over all of the events together: when time is up, or the token cancelled, the
/// rest are still emitted, and their reports tell that their listeners were timed out or cancelled. There is no `until`: a future
/// of one's own can end a release by `select`, which drops it.
///
/// # Cancel safety
///
/// Dropping the future cancels the emission under way, as dropping an [`Emit`](crate::Emit) does, and discards the events
/// behind it; they are counted in [`Bus::stats`](crate::Bus::stats). It may be polled in `select!`, `join!` and by hand; it is `Unpin`.
#[must_use = "nothing is emitted until it is awaited or ended by `.blocking()`; dropping it discards the events"]
pub struct Release {
    /// Until it begins.
    new: Option<New>,
    running: Option<Pin<Box<dyn Future<Output = Released> + Send>>>,
}

struct New {
    kept: Kept,
    limits: EmissionLimits,
}

impl Release {
    pub(super) fn new(kept: Kept) -> Self {
        Self { new: Some(New { kept, limits: EmissionLimits::default() }), running: None }
    }

    /// Ends the listeners when `token` is cancelled, as [`Emit::cancel_on`](crate::Emit::cancel_on) does.
    pub fn cancel_on(self, token: &CancellationToken) -> Self {
        self.limited(|limits| limits.tokens.push(token.clone()))
    }

    /// Ends the listeners when the release has taken `time`, counted from its first poll; see
    /// [`Emit::timeout`](crate::Emit::timeout).
    pub fn timeout(self, time: Duration) -> Self {
        self.limited(|limits| limits.set_timeout(time))
    }

    /// Ends the listeners at a moment; see [`Emit::deadline`](crate::Emit::deadline).
    pub fn deadline(self, at: impl Into<tokio::time::Instant>) -> Self {
        let at = at.into();
        self.limited(|limits| limits.set_deadline(at))
    }

    fn limited(mut self, change: impl FnOnce(&mut EmissionLimits)) -> Self {
        if let Some(new) = &mut self.new {
            change(&mut new.limits);
        }
        self
    }

    /// Emits the events and waits for their listeners on this thread, each as [`Emit::blocking`](crate::Emit::blocking)
    /// does. What is to be published does not wait for room: a full queue is an error.
    ///
    /// # Panics
    ///
    /// Only if the release has been polled before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName, ReleaseError};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// let bus = Bus::new();
    /// let pending = bus.deferred();
    /// pending.emit(UserCreated);
    ///
    /// let released = pending.release().blocking().into_result()?;
    /// assert_eq!(released.reports()[0].event_name(), "user.created");
    /// # Ok::<(), ReleaseError>(())
    /// ```
    pub fn blocking(mut self) -> Released {
        let Some(New { mut kept, limits }) = self.new.take() else {
            panic!("this release has been polled before; it can only be awaited")
        };
        let deadline = limits.deadline_from_now(Mode::Thread.clock());
        let mut reports = Vec::with_capacity(kept.len());
        let (mut to_publish, mut unpublished) = (0, Vec::new());
        while let Some(event) = kept.next() {
            match event.release(kept.bus()) {
                ReleaseStep::Emit(emit) => reports.push(limit(emit, &limits, deadline).blocking()),
                ReleaseStep::Publish(publish) => {
                    to_publish += 1;
                    unpublished.extend(publish.at_once().err());
                }
            }
        }
        Released { reports, to_publish, unpublished }
    }
}

impl New {
    async fn run(self) -> Released {
        let Self { mut kept, limits } = self;
        let deadline = limits.deadline_from_now(Mode::Task.clock());
        let mut reports = Vec::with_capacity(kept.len());
        let (mut to_publish, mut unpublished) = (0, Vec::new());
        while let Some(event) = kept.next() {
            match event.release(kept.bus()) {
                ReleaseStep::Emit(emit) => reports.push(limit(emit, &limits, deadline).await),
                ReleaseStep::Publish(publish) => {
                    to_publish += 1;
                    let published = publish.wait(&limits.tokens, deadline.map(|deadline| deadline.at)).await;
                    unpublished.extend(published.err());
                }
            }
        }
        Released { reports, to_publish, unpublished }
    }
}

fn limit<'b>(emit: EmitAny<'b>, limits: &EmissionLimits, deadline: Option<Deadline>) -> EmitAny<'b> {
    let emit = limits.tokens.iter().fold(emit, EmitAny::cancel_on);
    match deadline {
        Some(deadline) => emit.deadline(deadline.at),
        None => emit,
    }
}

impl Future for Release {
    type Output = Released;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Released> {
        if let Some(new) = self.new.take() {
            self.running = Some(Box::pin(new.run()));
        }
        let Some(running) = &mut self.running else { panic!("polled after it was ready") };
        let polled = running.as_mut().poll(cx);
        if polled.is_ready() {
            self.running = None;
        }
        polled
    }
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Release").field("begun", &self.new.is_none()).finish_non_exhaustive()
    }
}

/// How a release went: the report of each event that was emitted, in order, and what could not be published.
///
/// Displayed, it is what the reports are, one after the other, and why events were not published. Reports that are dropped unread are as those of
/// [`Emit`](crate::Emit).
#[derive(Debug, Clone)]
pub struct Released {
    reports: Vec<Report>,
    /// How many events were to be published.
    to_publish: usize,
    unpublished: Vec<Unpublished>,
}

impl Released {
    /// The reports, in the order of the events.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// The events that were to be published and have not been.
    pub fn unpublished(&self) -> &[Unpublished] {
        &self.unpublished
    }

    /// Whether every listener of every event finished well, also if there was none, and everything was published that was to be.
    /// Reads all reports.
    pub fn is_ok(&self) -> bool {
        // Not `all`, which stops at the first: what was asked for counts as read.
        self.reports.iter().filter(|report| !report.is_ok()).count() == 0 && self.are_published()
    }

    fn are_published(&self) -> bool {
        self.unpublished.is_empty()
    }

    /// Turns failures into an error, for `?`. All events have been emitted by then, or offered to the transport, whatever it says.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`], which holds the reports, if a listener of one of the events did not finish well, or one of them that was to
    /// be published has not been.
    pub fn into_result(self) -> Result<Self, ReleaseError> {
        if self.is_ok() { Ok(self) } else { Err(ReleaseError { released: self }) }
    }
}

impl fmt::Display for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, report) in self.reports.iter().enumerate() {
            let line_end = if at == 0 { "" } else { "\n" };
            write!(f, "{line_end}{report}")?;
        }
        for (at, unpublished) in self.unpublished.iter().enumerate() {
            let line_end = if at == 0 && self.reports.is_empty() { "" } else { "\n" };
            write!(f, "{line_end}{unpublished}")?;
        }
        Ok(())
    }
}

/// An error returned by [`Released::into_result`].
///
/// All events were emitted, or offered to the transport. The message names those with listeners that did not finish well, and these;
/// and those that were not published.
#[derive(Debug, Clone)]
pub struct ReleaseError {
    released: Released,
}

impl ReleaseError {
    /// The reports of all events, also of those that went well, and what was not published.
    pub fn released(&self) -> &Released {
        &self.released
    }

    /// Takes the reports out.
    pub fn into_released(self) -> Released {
        self.released
    }

    /// What became of each event that was emitted and did not go well, in order: timed out, cancelled or failed. What was not
    /// published is in `released().unpublished()`.
    pub fn errors(&self) -> impl Iterator<Item = EmitError> {
        self.released.reports.iter().filter_map(|report| report.clone().into_result().err())
    }
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut badly, mut all) = (self.errors().count(), self.released.reports.len());
        {
            badly += self.released.unpublished.len();
            all += self.released.to_publish;
        }
        let s = if all == 1 { "" } else { "s" };
        write!(f, "{badly} of {all} released event{s} did not go well")?;
        for error in self.errors() {
            write!(f, "; {error}")?;
        }
        for unpublished in &self.released.unpublished {
            write!(f, "; {unpublished}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ReleaseError {}
