//! An emission with listeners that have not ended.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    failure_counts::count_failures,
    guards::GuardStack,
    handle::BusState,
    options::Stops,
    pending::Pending,
    report::{Report, take_failures},
    waking::Waking,
    work::is_wanted,
};
use crate::{
    call::{CallContext, Deadline, EmissionId, Frame, Stop, Timer, has_fired},
    counting::EmissionCount,
    event::EventType,
    event::isolate,
    listener::{NotRun, Outcome, Subject},
    registry::Snapshot,
};

/// An emission with listeners that have not ended.
///
/// Dropped, it stops those that run inside the emitting task; the others learn from their context that it is cancelled.
pub(super) struct Running {
    pub(super) bus: Arc<BusState>,
    pub(super) event: &'static EventType,
    pub(super) subject: Subject,
    pub(super) emission: EmissionId,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) frame: Frame,
    pub(super) context: CallContext<'static>,
    pub(super) pending: Pending,
    pub(super) until: Until,
    pub(super) guards: GuardStack<Report>,
    pub(super) count: Option<Box<EmissionCount>>,
    /// Whether a thread of a multi-thread runtime may be blocked by it.
    pub(super) in_place: bool,
}

/// What ends an emission early.
#[derive(Default)]
pub(super) struct Until {
    pub(super) stops: Stops,
    pub(super) deadline: Option<Deadline>,
    /// Wakes an emission that is awaited; one that parks its thread needs none.
    pub(super) timer: Option<Timer>,
}

impl Running {
    /// Polls the listeners. Not to be called again once it is ready.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Report> {
        let _inside = self.frame.enter();
        if self.guards.is_none() {
            return self.poll_inside(cx);
        }
        let mut guards = self.guards.take();
        let polled = guards.part(|| self.poll_inside(cx));
        match &polled {
            Poll::Ready(report) => report.end(&mut guards),
            Poll::Pending => self.guards = guards,
        }
        polled
    }

    fn poll_inside(&mut self, cx: &mut Context<'_>) -> Poll<Report> {
        let Self { context, pending, .. } = self;
        let polled = pending.poll(cx, |listener, outcome| context.notes().failures.push((listener, outcome)));
        if self.pending.inline_ended {
            // A listener in a task of its own may have ended in time, however late the emission hears of it.
            note_overrun(&mut self.context, self.until.deadline);
        }
        if polled.is_ready() {
            return Poll::Ready(self.report());
        }
        match self.watch(cx) {
            Some(why) => Poll::Ready(self.stop_inside(why)),
            None => Poll::Pending,
        }
    }

    /// Whether something ends the emission now.
    pub(super) fn watch(&mut self, cx: &mut Context<'_>) -> Option<Stop> {
        let Until { stops, deadline, timer } = &mut self.until;
        if let Some(stop) = stops.poll(cx) {
            return Some(stop);
        }
        let is_over = match timer {
            Some(timer) => has_fired(timer, cx),
            None => deadline.is_some_and(Deadline::is_over),
        };
        is_over.then_some(Stop::TimedOut)
    }

    /// Ends the emission before its listeners have ended.
    pub(super) fn stop(&mut self, why: Stop) -> Report {
        let _inside = self.frame.enter();
        let mut guards = self.guards.take();
        let report = guards.part(|| self.stop_inside(why));
        report.end(&mut guards);
        report
    }

    fn stop_inside(&mut self, why: Stop) -> Report {
        self.context.notes().stopped = Some(why);
        // First the signal: a listener that is left running is to know at once.
        self.context.set_signal();
        let Self { context, pending, .. } = self;
        pending.stop(why, |listener, outcome| context.notes().failures.push((listener, outcome)));
        self.report()
    }

    /// The next moment at which the time of the emission or of a listener is up, for a thread that parks.
    fn next_deadline(&self) -> Option<Deadline> {
        Deadline::earliest(self.until.deadline, self.pending.next_deadline())
    }

    fn report(&mut self) -> Report {
        let Self { bus, event, subject, emission, snapshot, context, count, .. } = self;
        let counts = count.as_ref().map(|count| count.counts());
        let report = Report::new(event, subject, Some(*emission), snapshot, context, counts, &bus.hook);
        // It has ended, however long what is left of it is kept.
        *count = None;
        report
    }

    /// Drives the emission on this thread, which parks while there is nothing to do.
    pub(super) fn block(mut self: Box<Self>, waking: &Waking<'_>) -> Report {
        if !self.in_place {
            return self.park(waking);
        }
        let mut report = None;
        // It panics in the one place of a multi-thread runtime that may not block: inside of a `LocalSet`.
        let blocked = isolate(|| tokio::task::block_in_place(|| report = Some(self.park(waking))));
        match (report, blocked) {
            (Some(report), _) => report,
            (None, _) => self.refuse(&Outcome::NotRun(NotRun::InsideAsyncTask)),
        }
    }

    fn park(&mut self, waking: &Waking<'_>) -> Report {
        let bus = Arc::clone(&self.bus);
        let _runtime = bus.enter_runtime();
        loop {
            if let Poll::Ready(report) = self.poll(&mut waking.context()) {
                return report;
            }
            waking.park(self.next_deadline());
        }
    }

    /// Ends the emission, whose listeners cannot be waited for.
    fn refuse(&mut self, outcome: &Outcome) -> Report {
        let _inside = self.frame.enter();
        let Self { context, pending, .. } = self;
        pending.stop(Stop::Cancelled, |listener, _| context.notes().failures.push((listener, outcome.clone())));
        self.report()
    }
}

/// Notes that the emission has overrun its limit, though its listeners have ended.
pub(super) fn note_overrun(context: &mut CallContext<'_>, deadline: Option<Deadline>) {
    if context.stopped().is_none() && deadline.is_some_and(Deadline::is_over) {
        context.notes().stopped = Some(Stop::TimedOut);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let _inside = self.frame.enter();
        self.context.set_signal();
        let Self { bus, event, subject, emission, snapshot, context, pending, guards, count, .. } = self;
        let counts = count.as_ref().map(|count| count.counts());
        let mut wanted = CallContext::default();
        guards.part(|| {
            // Stopped and left-behind listeners are the purpose of the drop. A failure is not.
            pending.stop(Stop::Cancelled, |listener, outcome| {
                let context = if is_wanted(&outcome) { &mut wanted } else { &mut *context };
                context.notes().failures.push((listener, outcome));
            });
        });
        count_failures(counts, snapshot, wanted.failures());
        let called = snapshot.len - context.skipped;
        if !guards.is_none() {
            wanted.notes().failures.extend(context.failures().iter().cloned());
            let failures = take_failures(subject, snapshot, &mut wanted);
            Report::of_dropped(event, subject, Some(*emission), called, failures).end(guards);
        }
        // There is no report, and nothing is lost in silence: unread, they go to the hook or to stderr.
        if !context.failures().is_empty() {
            drop(Report::new(event, subject, Some(*emission), snapshot, context, counts, &bus.hook));
        }
    }
}
