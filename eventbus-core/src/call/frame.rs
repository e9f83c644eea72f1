//! A copy of the stack of emissions, and the guards that put it back.
//!
//! What runs later or elsewhere carries a frame along: a pending emission puts it back around each poll, spawned and
//! blocking listeners around theirs, the bus of a [`Context`](crate::Context) around what is emitted through it. It serves
//! the recursion limit, deadlines and cancellation of nested emissions, and the causality of emissions.

use std::sync::Arc;

use super::{
    BusId, Cause, Deadline, EmissionId, Signal,
    levels::{IN_HANDLER, IN_HOOK, LEVELS, LIMITED, Level, Stack, cancel_signal, replace_cancel_signal, with_stack},
};

/// The chain of emissions that code belongs to.
#[derive(Clone, Default)]
pub(crate) struct Frame {
    depth: u32,
    state: u8,
    levels: Levels,
    deadline: Option<Deadline>,
    cancel: Option<Arc<Signal>>,
    cause: Option<Box<Cause>>,
}

/// The levels of a frame. Most have one.
#[derive(Clone, Default)]
enum Levels {
    #[default]
    None,
    One(Level),
    Many(Arc<[Level]>),
}

impl Levels {
    fn as_slice(&self) -> &[Level] {
        match self {
            Self::None => &[],
            Self::One(level) => std::slice::from_ref(level),
            Self::Many(levels) => levels,
        }
    }
}

impl Frame {
    /// The frame of the code that runs now on this thread; `None` outside of all emissions and handlers.
    pub(crate) fn current() -> Option<Self> {
        Self::is_set().then(Self::now)
    }

    /// The same; empty outside of all emissions.
    pub(crate) fn now() -> Self {
        with_stack(|stack| {
            let (depth, state) = (stack.depth.get(), stack.state.get());
            let levels = match depth {
                0 => Levels::None,
                1 => Levels::One(stack.levels[0].get()),
                _ => Levels::Many(stack.levels[..kept(depth)].iter().map(std::cell::Cell::get).collect()),
            };
            let limited = state & LIMITED != 0;
            let cause = if state & IN_HANDLER == 0 { None } else { stack.cause.get().map(Box::new) };
            Self {
                depth,
                state,
                levels,
                deadline: if limited { stack.deadline.get() } else { None },
                cancel: if limited { cancel_signal() } else { None },
                cause,
            }
        })
    }

    /// Whether the running code was called by an emission, a handler or the failure hook.
    #[inline]
    pub(crate) fn is_set() -> bool {
        with_stack(|stack| stack.depth.get() > 0 || stack.state.get() != 0)
    }

    /// The innermost emission.
    pub(crate) fn emission(&self) -> Option<EmissionId> {
        self.levels.as_slice().last().map(|level| level.emission)
    }

    /// The emission that runs now on this thread.
    pub(crate) fn current_emission() -> Option<EmissionId> {
        with_stack(|stack| (stack.depth.get() > 0).then(|| stack.top().emission))
    }

    /// The outermost emission of the running code.
    pub(crate) fn root() -> Option<EmissionId> {
        with_stack(|stack| (stack.depth.get() > 0).then(|| stack.levels[0].get().emission))
    }

    /// The emission around another one of the running code.
    pub(crate) fn parent_of(emission: EmissionId) -> Option<EmissionId> {
        with_stack(|stack| {
            let levels = &stack.levels[..kept(stack.depth.get())];
            let at = levels.iter().rposition(|level| level.get().emission == emission)?;
            Some(levels[at.checked_sub(1)?].get().emission)
        })
    }

    /// Whether an emission of this bus is in the chain. In a chain of more than 64 levels every bus counts as being in it:
    /// `off_and_wait` may then refuse to wait, but never hangs.
    pub(crate) fn is_inside(&self, bus: BusId) -> bool {
        self.depth as usize > LEVELS || self.levels.as_slice().iter().any(|level| level.bus == Some(bus))
    }

    /// Whether the failure hook called the running code.
    pub(crate) fn is_in_hook() -> bool {
        with_stack(|stack| stack.state.get() & IN_HOOK != 0)
    }

    /// Whether a handler is in the chain of the running code.
    #[inline]
    pub(crate) fn is_in_handler() -> bool {
        with_stack(|stack| stack.state.get() & IN_HANDLER != 0)
    }

    /// The delivery whose handler is in the chain of the running code.
    pub(crate) fn current_cause() -> Option<Cause> {
        with_stack(|stack| if stack.state.get() & IN_HANDLER == 0 { None } else { stack.cause.get() })
    }

    /// The delivery whose handler is in the chain.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.cause.as_deref().copied()
    }

    /// The deadline and the signal of the emissions around the running code.
    pub(crate) fn outer_limits() -> (Option<Deadline>, Option<Arc<Signal>>) {
        let deadline = with_stack(|stack| if stack.state.get() & LIMITED == 0 { None } else { stack.deadline.get() });
        (deadline, cancel_signal())
    }

    /// The frame of a handler: of code that no emission has called, and that runs for a delivery.
    pub(crate) fn of_handler(cause: Cause) -> Self {
        Self { state: IN_HANDLER, cause: Some(Box::new(cause)), ..Self::default() }
    }

    /// Frees the frame of the deadline and the cancellation of its emissions: what is spawned does not end with what
    /// spawned it.
    pub(crate) fn unlimited(mut self) -> Self {
        self.state &= !LIMITED;
        (self.deadline, self.cancel) = (None, None);
        self
    }

    /// Adds a signal that cancels what is nested in the frame.
    pub(crate) fn cancelled_by(mut self, signal: Arc<Signal>) -> Self {
        self.state |= LIMITED;
        self.cancel = Some(signal);
        self
    }

    /// Makes this the current frame until the guard is dropped.
    pub(crate) fn enter(&self) -> FrameGuard {
        with_stack(|stack| {
            let (depth, state) = (stack.depth.get(), stack.state.get());
            let plain = state == 0 && self.state == 0;
            if plain && self.continues(stack, depth) {
                self.write_levels(stack, depth);
                return FrameGuard(Outer::Depth(depth));
            }
            let outer = Outer::Frame(Box::new(Self::now()));
            self.set(stack);
            FrameGuard(outer)
        })
    }

    /// Whether the stack holds the outer part of this frame, so that only the inner levels are to be added.
    fn continues(&self, stack: &Stack, depth: u32) -> bool {
        let levels = self.levels.as_slice();
        match (depth as usize).checked_sub(1) {
            None => true,
            Some(top) => {
                self.depth as usize <= LEVELS
                    && levels.get(top).is_some_and(|level| level.emission == stack.top().emission)
            }
        }
    }

    fn write_levels(&self, stack: &Stack, from: u32) {
        let levels = self.levels.as_slice();
        for (cell, level) in stack.levels.iter().zip(levels).skip(from as usize) {
            cell.set(*level);
        }
        stack.depth.set(self.depth);
    }

    fn set(&self, stack: &Stack) {
        self.write_levels(stack, 0);
        stack.state.set(self.state);
        stack.deadline.set(self.deadline);
        stack.cause.set(self.cause());
        replace_cancel_signal(self.cancel.clone());
    }

    /// Marks the running code as the handler of a delivery.
    #[inline]
    pub(crate) fn enter_handler(cause: &Cause) -> FrameGuard {
        let is_outermost = with_stack(|stack| {
            let is_outermost = stack.depth.get() == 0 && stack.state.get() == 0;
            if is_outermost {
                stack.cause.set(Some(*cause));
                stack.state.set(IN_HANDLER);
            }
            is_outermost
        });
        // A listener that blocks on a runtime may poll handlers inside its emission.
        if is_outermost { FrameGuard(Outer::Depth(0)) } else { Self::of_handler(*cause).enter() }
    }

    /// Changes the delivery of the handler that runs: a worker handles several in one poll.
    #[inline]
    pub(crate) fn set_cause(cause: Cause) {
        let Cause { bus, message, event, before } = cause;
        match before {
            // Apart, so that of most causes only the short part is written.
            None => with_stack(|stack| stack.cause.set(Some(Cause { bus, message, event, before: None }))),
            Some(_) => with_stack(|stack| stack.cause.set(Some(cause))),
        }
    }

    /// Marks the code that runs until the guard is dropped as the failure hook's.
    pub(crate) fn enter_hook() -> FrameGuard {
        let mut frame = Self::now();
        frame.state |= IN_HOOK;
        frame.enter()
    }

    /// Lets what is nested in the running emission end with `deadline` and `cancel`, until the guard is dropped.
    pub(crate) fn limit(deadline: Option<Deadline>, cancel: Option<Arc<Signal>>) -> FrameGuard {
        let mut frame = Self::now();
        frame.deadline = deadline;
        frame.cancel = cancel;
        frame.state |= LIMITED;
        frame.enter()
    }
}

fn kept(depth: u32) -> usize {
    (depth as usize).min(LEVELS)
}

/// Puts the outer frame back when it is dropped, also while a panic unwinds.
pub(crate) struct FrameGuard(Outer);

enum Outer {
    /// The stack was that deep and had nothing rare.
    Depth(u32),
    Frame(Box<Frame>),
}

impl Drop for FrameGuard {
    #[inline]
    fn drop(&mut self) {
        with_stack(|stack| match &self.0 {
            Outer::Depth(depth) => {
                stack.depth.set(*depth);
                stack.state.set(0);
            }
            Outer::Frame(frame) => frame.set(stack),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        super::{clock::Clock, levels::NestedPlain},
        *,
    };
    use crate::event::{Event, EventName};

    struct Tick;

    impl Event for Tick {
        const NAME: EventName = EventName::new("tick");
    }

    fn push() -> NestedPlain {
        NestedPlain::push(BusId::next(), Tick::TYPE, 64).unwrap()
    }

    #[test]
    fn a_frame_that_is_entered_inside_of_another_emission_replaces_it() {
        let (outer, frame) = {
            let outer = push();
            let _inner = push();
            (outer.emission, Frame::now())
        };
        let here = push();
        {
            let _entered = frame.enter();
            assert_eq!(Frame::root(), Some(outer));
        }
        assert_eq!(Frame::root(), Some(here.emission));
    }

    #[test]
    fn a_frame_takes_along_the_limits_and_the_delivery_around_it_and_none_that_have_ended() {
        let limit = Clock::Runtime.deadline(Duration::from_hours(1));
        let cause = Cause { bus: BusId::next(), message: 7, event: None, before: None };
        let taken = || {
            let frame = Frame::now();
            (frame.deadline, frame.cause().map(|cause| cause.message))
        };
        {
            let _limited = Frame::limit(limit, None);
            assert_eq!(taken(), (limit, None));
        }
        {
            let _handler = Frame::enter_handler(&cause);
            assert_eq!(taken(), (None, Some(7)));
            let _limited = Frame::limit(limit, None);
            assert_eq!(taken(), (limit, Some(7)));
        }
        // The cell of the delivery is not cleared.
        assert_eq!(taken(), (None, None));
    }

    #[test]
    fn every_bus_counts_as_being_in_a_chain_of_more_levels_than_are_kept() {
        let deep = |depth| Frame { depth, ..Frame::default() }.is_inside(BusId::next());
        assert!(!deep(64) && deep(65) && deep(66));
    }
}
