//! An emission with listeners that have not ended.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use super::{Bus, Report, limits::Stops};
use crate::{
    dispatch::{
        Arounds, Deadline, EventSnapshot, Frame, Host, LazySignal, Pending, Stop, Tally, Timer, Wait, has_fired,
    },
    event::Event,
    listener::{NotRun, Outcome},
};

/// An emission with listeners that have not ended.
///
/// Dropped, it stops those that run inside the emitting task; the others learn from their context that it is cancelled.
pub(super) struct Running<E: Event> {
    bus: Bus,
    snapshot: Arc<EventSnapshot<E>>,
    frame: Frame,
    tally: Tally,
    pending: Pending,
    until: Until,
    signal: LazySignal,
    arounds: Arounds<Report>,
}

/// What ends it early.
pub(super) struct Until {
    pub(super) stops: Stops,
    pub(super) deadline: Option<Deadline>,
    /// Wakes an emission that is awaited; one that parks its thread needs none.
    pub(super) timer: Option<Timer>,
}

/// The timer that an emission needs for its deadline.
pub(super) fn timer(wait: &Wait, deadline: Option<Deadline>) -> Result<Option<Timer>, NotRun> {
    match deadline {
        None => Ok(None),
        Some(deadline) => wait.timer(deadline),
    }
}

impl<E: Event> Running<E> {
    pub(super) fn event_name(&self) -> &str {
        self.tally.subject.name()
    }

    pub(super) fn new(
        bus: &Bus,
        snapshot: Arc<EventSnapshot<E>>,
        frame: Frame,
        tally: Tally,
        pending: Pending,
        until: Until,
        signal: LazySignal,
    ) -> Self {
        Self { bus: bus.clone(), snapshot, frame, tally, pending, until, signal, arounds: Arounds::none() }
    }

    /// Puts what interceptors gave around it.
    pub(super) fn inside(mut self, arounds: Arounds<Report>) -> Self {
        self.arounds = arounds;
        self
    }

    /// Goes on with the listeners. Not to be called again once it is ready.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Report> {
        let _inside = self.frame.enter();
        if self.arounds.is_none() {
            return self.go_on(cx);
        }
        let mut arounds = self.arounds.take();
        let polled = arounds.part(|| self.go_on(cx));
        match &polled {
            Poll::Ready(report) => report.end(&mut arounds),
            Poll::Pending => self.arounds = arounds,
        }
        polled
    }

    fn go_on(&mut self, cx: &mut Context<'_>) -> Poll<Report> {
        let Self { snapshot, tally, pending, .. } = self;
        let polled = pending.poll(cx, |listener, ended| {
            if let Some(outcome) = ended {
                tally.add(snapshot.late[listener].info(), outcome);
            }
        });
        if polled.is_ready() {
            return Poll::Ready(self.report());
        }
        match self.watch(cx) {
            Some(why) => Poll::Ready(self.stop(why)),
            None => Poll::Pending,
        }
    }

    /// What has ended it while its listeners were being started.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.tally.stopped
    }

    /// Whether something ends it now.
    pub(super) fn watch(&mut self, cx: &mut Context<'_>) -> Option<Stop> {
        let Until { stops, deadline, timer } = &mut self.until;
        let mut over = |cx: &mut Context<'_>| match timer {
            Some(timer) => has_fired(timer, cx),
            None => deadline.is_some_and(Deadline::is_over),
        };
        stops.poll(cx).or_else(|| over(cx).then_some(Stop::TimedOut))
    }

    /// Ends the listeners that have not ended.
    pub(super) fn stop(&mut self, why: Stop) -> Report {
        let _inside = self.frame.enter();
        self.tally.stopped = Some(why);
        // First the signal: a listener that is left running is to know at once.
        self.signal.set();
        let mut arounds = self.arounds.take();
        let Self { snapshot, tally, pending, .. } = self;
        arounds.part(|| pending.stop(why, |listener, outcome| tally.add(snapshot.late[listener].info(), outcome)));
        let report = self.report();
        report.end(&mut arounds);
        report
    }

    /// The next moment at which somebody's time is up, for a thread that parks.
    pub(super) fn next_deadline(&self) -> Option<Deadline> {
        self.until.deadline.into_iter().chain(self.pending.next_deadline()).min_by_key(|deadline| deadline.left())
    }

    fn report(&mut self) -> Report {
        self.tally.sort();
        let emptied = Tally::new(self.tally.subject.clone());
        Report::of(&self.bus, self.frame.emission, self.snapshot.len(), mem::replace(&mut self.tally, emptied))
    }
}

impl<E: Event> Drop for Running<E> {
    fn drop(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let _inside = self.frame.enter();
        self.signal.set();
        let Self { bus, snapshot, frame, tally, pending, arounds, .. } = self;
        let mut wanted = Tally::new(tally.subject.clone());
        let stop = || {
            // That they are stopped, or left, is what whoever dropped the emission wanted. That one had failed is not.
            pending.stop(Stop::Cancelled, |listener, outcome| {
                let of_interest = !matches!(outcome, Outcome::Cancelled | Outcome::StillRunning);
                let tally = if of_interest { &mut *tally } else { &mut wanted };
                tally.add(snapshot.late[listener].info(), outcome);
            });
        };
        arounds.part(stop);
        tally.sort();
        if !arounds.is_none() {
            wanted.failures.extend(tally.failures.iter().cloned());
            wanted.sort();
            (wanted.skipped, wanted.stopped) = (tally.skipped, Some(Stop::Cancelled));
            Report::of_dropped(frame.emission, snapshot.len(), wanted).end(arounds);
        }
        // There is no report any more, and nothing is lost in silence.
        for failure in tally.failures.drain(..) {
            bus.inner.tell(failure);
        }
    }
}
