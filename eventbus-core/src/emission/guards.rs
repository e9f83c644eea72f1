//! Stacks of what interceptors have put around an emission or a call: run in order, isolated, ended once.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use super::around::{Around, CallEnd};
use crate::{call::Injected, counting::CallTiming, event::isolate, listener::Outcome, listener::to_stderr};

/// The guards around an emission or a call. Most have none, and carry a null pointer.
pub(crate) struct GuardStack<End>(Option<Box<List<End>>>);

/// The outermost first.
struct List<End>(Vec<HeldAround<End>>);

struct HeldAround<End> {
    around: Box<dyn Around<End>>,
    /// The type of the interceptor, for messages.
    interceptor: &'static str,
}

impl<End> GuardStack<End> {
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Adds one inside of the others.
    pub(crate) fn push(&mut self, around: Box<dyn Around<End>>, interceptor: &'static str) {
        self.0.get_or_insert_with(|| Box::new(List(Vec::new()))).0.push(HeldAround { around, interceptor });
    }

    /// Takes the guards out.
    pub(crate) fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Runs a part of the emission or call inside the guards. A panic of the part goes past them to the caller.
    #[inline]
    pub(crate) fn part<T>(&mut self, part: impl FnOnce() -> T) -> T {
        match &mut self.0 {
            None => part(),
            Some(list) => list.part(part),
        }
    }

    /// Ends the guards, the innermost first, each once.
    pub(crate) fn end(&mut self, end: &End) {
        if let Some(list) = self.0.take() {
            list.end(end);
        }
    }
}

impl<End> List<End> {
    #[cold]
    fn part<T>(&mut self, part: impl FnOnce() -> T) -> T {
        let (mut part, mut done) = (Some(part), None);
        run(&mut self.0, &mut || {
            if let Some(part) = part.take() {
                done = Some(catch_unwind(AssertUnwindSafe(part)));
            }
        });
        match done {
            Some(Ok(done)) => done,
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("`run` runs the part, whatever the guards do"),
        }
    }

    #[cold]
    fn end(mut self, end: &End) {
        while let Some(HeldAround { around, interceptor }) = self.0.pop() {
            if let Err(message) = isolate(|| around.end(end)) {
                to_stderr(&format_args!("the interceptor `{interceptor}` panicked in `end`: {message}"));
            }
        }
    }
}

impl<End> Drop for List<End> {
    /// Not empty only if the event has panicked in its `Drop`: user code that must not panic as well.
    fn drop(&mut self) {
        while let Some(held) = self.0.pop() {
            let _ = isolate(|| drop(held));
        }
    }
}

/// Runs `part`, which does not panic, inside all of `list`; exactly once.
fn run<End>(list: &mut [HeldAround<End>], part: &mut dyn FnMut()) {
    let Some((HeldAround { around, interceptor }, inner)) = list.split_first_mut() else { return part() };
    let mut ran = false;
    let mut once = || {
        if !mem::replace(&mut ran, true) {
            run(inner, part);
        }
    };
    if let Err(message) = isolate(|| around.part(&mut once)) {
        to_stderr(&format_args!("the interceptor `{interceptor}` panicked in `part`: {message}"));
    }
    once();
}

/// The guards around the call of a listener, and its measurement.
///
/// Dropped before the call has ended, it ends as cancelled. The frame must be set whenever it is run, ended or dropped.
pub(crate) struct CallGuard {
    guards: GuardStack<CallEnd>,
    /// What a test makes of the call.
    injected: Option<Injected>,
    /// Boxed, since on most buses there is none, and guards are moved often.
    timing: Option<Box<CallTiming>>,
}

impl CallGuard {
    /// With nothing around the call.
    #[inline]
    pub(crate) const fn none() -> Self {
        Self { guards: GuardStack::none(), injected: None, timing: None }
    }

    pub(crate) fn new(guards: GuardStack<CallEnd>, injected: Option<Injected>) -> Self {
        Self { guards, injected, timing: None }
    }

    /// Takes out what a test makes of the call, which then begins.
    pub(crate) fn take_injected(&mut self) -> Option<Injected> {
        self.injected.take()
    }

    /// Ends `timing` with the call.
    pub(crate) fn with_timing(mut self, timing: Option<CallTiming>) -> Self {
        self.timing = timing.map(Box::new);
        self
    }

    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.guards.is_none() && self.injected.is_none() && self.timing.is_none()
    }

    /// Runs a part of the call.
    #[inline]
    pub(crate) fn part<T>(&mut self, part: impl FnOnce() -> T) -> T {
        self.guards.part(part)
    }

    /// Tells the guards that the call has ended; `None` is success. Only the first time counts.
    #[inline]
    pub(crate) fn end(&mut self, outcome: Option<&Outcome>) {
        // First the measurement: what interceptors do with the end is not the listener's time.
        self.timing = None;
        if !self.guards.is_none() {
            self.guards.end(&CallEnd::new(outcome.cloned()));
        }
    }
}

impl CallGuard {
    /// Tells the guards that an interceptor of that type has refused the call.
    #[cold]
    pub(super) fn end_refused(&mut self, outcome: Outcome, by: &'static str) {
        self.guards.end(&CallEnd::refused(outcome, by));
    }
}

impl Drop for CallGuard {
    #[inline]
    fn drop(&mut self) {
        self.end(Some(&Outcome::Cancelled));
    }
}
