//! The loop over the synchronous listeners of a snapshot.

use std::sync::Arc;

use super::{EventSlot, Pass, Scene, SyncCall, Tally, intercept::enter, isolate, work::Ended};
use crate::{
    event::Event,
    listener::{NotRun, Outcome},
    registry::{Entry, Spent, Turn},
};

/// Calls each listener that is still to be called, in order, on this thread. Stops where `stop` says so, and gives back the
/// listeners it did not come to.
///
/// Isolation costs one landing pad for the loop, not one for each listener: after a panic the loop goes on behind the
/// listener that panicked. Its number is kept where the unwinding does not reach; the loop itself only writes it.
#[inline]
pub(crate) fn run_sync<'s, E: Event>(
    slot: &EventSlot<E>,
    listeners: &'s [Arc<Entry<dyn SyncCall<E>>>],
    event: &E,
    scene: &Scene<'_>,
    tally: &mut Tally,
    mut stop: impl FnMut() -> bool,
) -> &'s [Arc<Entry<dyn SyncCall<E>>>] {
    let mut next = 0;
    loop {
        let ended = isolate(|| {
            let mut at = next;
            for entry in &listeners[next..] {
                if stop() {
                    return;
                }
                at += 1;
                next = at;
                match entry.turn() {
                    Turn::Call => entry.run.call(&entry.info, event, scene, tally),
                    Turn::Skip => tally.skipped += 1,
                    Turn::Ask => ask(slot, entry, event, scene, tally),
                }
            }
        });
        match ended {
            Ok(()) => return &listeners[next..],
            Err(message) => tally.panicked(&listeners[next - 1].info, message),
        }
    }
}

/// Calls a listener that must ask, if it may be called. Not part of the loop, whose other turns are the faster for it.
#[inline(never)]
fn ask<E: Event>(slot: &EventSlot<E>, entry: &Entry<dyn SyncCall<E>>, event: &E, scene: &Scene<'_>, tally: &mut Tally) {
    let enter = || enter(event, &entry.info, scene);
    match admit(slot, entry, || entry.run.admits(event, scene), enter) {
        Admission::Call(pass) if pass.is_free() => entry.run.call(&entry.info, event, scene, tally),
        Admission::Call(pass) => {
            if let Some(outcome) = call_isolated(pass, entry, event, scene) {
                tally.add(&entry.info, outcome);
            }
        }
        Admission::Refused(why) => tally.add(&entry.info, Outcome::NotRun(why)),
        Admission::Skip => tally.skipped += 1,
    }
}

/// The answer of [`admit`].
pub(super) enum Admission {
    /// It is to be called, inside of what interceptors put around it.
    Call(Pass),
    /// It is not its turn.
    Skip,
    /// An interceptor refused.
    Refused(NotRun),
}

/// Whether a listener that must ask is to be called: its filter, then the interceptors, then its flag. So neither a filter
/// that says no nor a refusal spends `once`.
pub(super) fn admit<E: 'static, F: ?Sized>(
    slot: &EventSlot<E>,
    entry: &Entry<F>,
    filter: impl FnOnce() -> bool,
    enter: impl FnOnce() -> Result<Pass, NotRun>,
) -> Admission {
    if !filter() {
        return Admission::Skip;
    }
    let mut pass = match enter() {
        Ok(pass) => pass,
        Err(why) => return Admission::Refused(why),
    };
    match entry.spend() {
        Spent::Free => {}
        // Out of the slot before the call: whoever looks from inside the listener finds it gone.
        Spent::Last => entry.leave(slot),
        Spent::TooLate => {
            pass.end(Some(&Outcome::NotRun(NotRun::Gone)));
            return Admission::Skip;
        }
    }
    Admission::Call(pass)
}

/// Calls a listener on this thread, and tells how that ended. The frame must be set.
pub(super) fn call_isolated<E: 'static>(
    mut pass: Pass,
    entry: &Entry<dyn SyncCall<E>>,
    event: &E,
    scene: &Scene<'_>,
) -> Ended {
    let mut tally = Tally::new(scene.subject.clone());
    let ended = match pass.part(|| isolate(|| entry.run.call(&entry.info, event, scene, &mut tally))) {
        Ok(()) => tally.failures.pop().map(|failure| failure.outcome().clone()),
        Err(message) => Some(Outcome::Panicked(message)),
    };
    pass.end(ended.as_ref());
    ended
}
