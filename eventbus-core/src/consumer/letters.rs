//! Dead letters of a consumer: those that the bus keeps, and those that the transport keeps. A letter is told to
//! hooks and listeners after it has been kept.

use std::{any::Any, collections::HashSet, sync::Arc, time::SystemTime};

use super::state::ConsumerState;
use crate::{
    call::Frame,
    event::isolate,
    interleave,
    publish::{AttemptError, DeadLetter},
    transport::{ContentRef, FailedFn, Leased, LetterId, Settlement, Unsettled},
};

impl ConsumerState {
    /// Ends a delivery that has failed for the last time: the bus keeps and tells the letter, or the transport is to keep it.
    pub(super) fn bury(&self, leased: &Leased, error: AttemptError, first_failed: SystemTime) -> Settlement {
        let reason = self.keeps_letters.then(|| Arc::from(error.to_string()));
        let letter = DeadLetter {
            // The transport gives one when it keeps it.
            id: if self.keeps_letters { LetterId::new("") } else { self.dead.next_id() },
            group: Arc::clone(&self.name),
            message: leased.message.clone(),
            error,
            attempts: leased.attempts(),
            first_failed,
            last_failed: interleave::system_time(),
        };
        if let Some(reason) = reason {
            self.unkept.insert(leased.number(), letter);
            return Settlement::Dead { reason };
        }
        // The drop of an error is foreign code.
        let _ = isolate(|| {
            self.dead.push(letter.clone());
            self.tell_letter(letter);
        });
        Settlement::Done
    }

    /// The deliveries of a batch that are to become letters of the transport.
    pub(super) fn dying(&self, batch: &[Leased]) -> Vec<u64> {
        if !self.keeps_letters {
            return Vec::new();
        }
        let dying = batch.iter().filter(|leased| matches!(leased.settlement(), Settlement::Dead { .. }));
        dying.map(Leased::number).collect()
    }

    /// Tells the letters that the transport has kept: those that are not left.
    pub(super) fn tell_kept(&self, mut dying: Vec<u64>, left: impl IntoIterator<Item = u64>) {
        if dying.is_empty() {
            return;
        }
        let left: HashSet<_> = left.into_iter().collect();
        dying.retain(|number| !left.contains(number));
        for letter in self.unkept.take(dying) {
            let _ = isolate(|| self.tell_letter(letter));
        }
    }

    /// Forgets letters of which nobody knows whether the transport keeps them, or that others have by now.
    pub(super) fn forget_unkept(&self, numbers: impl IntoIterator<Item = u64>) {
        for letter in self.unkept.take(numbers) {
            let _ = isolate(|| drop(letter));
        }
    }

    /// The same for leases that are lost.
    pub(super) fn forget_lost_letters(&self, unsettled: &[Unsettled]) {
        if self.keeps_letters {
            self.forget_unkept(unsettled.iter().filter(|one| one.is_lost).map(|one| one.leased.number()));
        }
    }

    /// Tells the hook, and the listeners of the event's type.
    fn tell_letter(&self, letter: DeadLetter) {
        let Some(bus) = self.bus.upgrade() else { return };
        let cause = letter.message.cause(self.bus_id);
        let _frame = Frame::enter_handler(&cause);
        bus.publishing().tell_dead_letter(&letter);
        if let Some((failed, event)) = self.failed_event(&letter) {
            failed(&bus, event, Box::new(letter));
        }
    }

    /// The event of a letter, and what emits it as a failed one.
    fn failed_event(&self, letter: &DeadLetter) -> Option<(FailedFn, Arc<dyn Any + Send + Sync>)> {
        let message = &letter.message;
        let of_handler = || self.routes.all[self.routes.find(message)?].kind;
        match message.content() {
            ContentRef::Shared(shared) => {
                // What was published by name is of a type of which only its handler may know more.
                let known = || of_handler().filter(|_| self.routes.reads_as_published(message))?.failed;
                Some((shared.kind().failed.or_else(known)?, shared.to_arc()))
            }
            // As its handler reads it. What cannot be read has no event.
            #[cfg(feature = "serde")]
            ContentRef::Data(_) => {
                let kind = of_handler()?;
                let event = super::content::shared_of(kind.event, message, &self.routes.versions).ok()?;
                Some((kind.failed?, event))
            }
            ContentRef::Malformed(_) => None,
        }
    }
}
