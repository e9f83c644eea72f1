//! One emission, from `emit` to its report.

use std::{fmt, sync::Arc};

use super::{Bus, Report, emitter::Cached};
use crate::{
    dispatch::{EventSlot, Frame, SyncCall, Tally, run_sync},
    event::{Event, IntoEvent},
    listener::{NotRun, Outcome},
    registry::Snapshot,
};

/// An emission that has not started; made by [`Bus::emit`] and [`Emitter::emit`](super::Emitter::emit).
///
/// How it is finished says how to wait: [`blocking`](Self::blocking) runs the listeners here and now.
#[must_use = "nothing runs until it is ended by `.blocking()`"]
pub struct Emit<'b, I: IntoEvent> {
    bus: &'b Bus,
    event: I,
    slot: Source<'b, I::Event>,
}

/// Where an emission takes its snapshot from, when it starts.
pub(super) enum Source<'b, E: Event> {
    Slot(Arc<EventSlot<E>>),
    Cached(&'b mut Cached<E>),
}

impl<'b, I: IntoEvent> Emit<'b, I> {
    pub(super) fn new(bus: &'b Bus, event: I, slot: Arc<EventSlot<I::Event>>) -> Self {
        Self { bus, event, slot: Source::Slot(slot) }
    }

    pub(super) fn cached(bus: &'b Bus, event: I, cached: &'b mut Cached<I::Event>) -> Self {
        Self { bus, event, slot: Source::Cached(cached) }
    }

    /// Runs the listeners on this thread, one after the other, larger priorities first, and otherwise in the order of
    /// their registration.
    ///
    /// A listener that fails or panics stops no other one. An emission that is nested too deep runs no listener; see
    /// [`recursion_limit`](super::BusBuilder::recursion_limit).
    ///
    /// # Panics
    ///
    /// Only if dropping the event itself panics.
    pub fn blocking(self) -> Report {
        let event = self.event.get();
        match self.slot {
            Source::Slot(slot) => {
                if slot.len() == 0 {
                    return Report::empty(slot.event);
                }
                let loan = slot.snapshot();
                run(self.bus, &slot, loan.as_deref(), event)
            }
            Source::Cached(cached) => {
                let (slot, snapshot) = cached.load();
                run(self.bus, slot, snapshot, event)
            }
        }
    }
}

fn run<E: Event>(bus: &Bus, slot: &EventSlot<E>, snapshot: Option<&Snapshot<dyn SyncCall<E>>>, event: &E) -> Report {
    let listeners = snapshot.map_or(&[][..], |snapshot| &snapshot.listeners);
    if listeners.is_empty() {
        return Report::empty(slot.event);
    }
    let mut tally = Tally::default();
    match Frame::child(slot.event, bus.inner.recursion_limit) {
        Ok(frame) => {
            let _inside = frame.enter();
            run_sync(slot, listeners, event, &mut tally);
            Report::new(slot.event, Some(frame.emission), listeners.len(), tally, &bus.inner.hook)
        }
        Err(chain) => {
            for entry in listeners {
                tally.add(&entry.info, Outcome::NotRun(NotRun::RecursionLimit(chain.clone())));
            }
            Report::new(slot.event, None, listeners.len(), tally, &bus.inner.hook)
        }
    }
}

impl<I: IntoEvent> fmt::Debug for Emit<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emit").field("event", &I::Event::NAME).finish_non_exhaustive()
    }
}
