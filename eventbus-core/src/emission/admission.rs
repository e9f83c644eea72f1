//! Whether a listener may be called now, where its flag, a filter, interceptors or `once` have a say.

use std::sync::Arc;

use super::{
    guards::CallGuard,
    handle::{BusState, EmissionInfo, Skipped},
    wait::Mode,
};
use crate::{
    call::{AnyEvent, Frame},
    listener::{NotRun, Outcome},
    registry::{Entry, OnceState, Slot},
};

/// The answer of [`admit`].
pub(super) enum Admission {
    /// It is to be called, inside of what interceptors put around it.
    Call(CallGuard),
    /// It is off, spent, or its filter said no.
    Skip,
    /// It cannot be started, or an interceptor refused.
    Refused(NotRun),
}

/// Asks the flag, the filter, the means to run, the interceptors, then claims the only run of a listener with `once`. So
/// neither a filter that says no nor a refusal spends `once`.
///
/// A filter that panics unwinds to the caller, where it counts as a panic of its listener.
pub(super) fn admit(
    bus: &Arc<BusState>,
    slot: &Slot,
    entry: &Entry,
    event: &AnyEvent<'_>,
    mode: Mode,
    means: impl FnOnce() -> Result<(), NotRun>,
) -> Admission {
    if entry.is_off() {
        return skip(bus, entry, event, mode, Skipped::Off);
    }
    if !entry.admits(event) {
        return skip(bus, entry, event, mode, Skipped::Filter);
    }
    let mut guard = match means().and_then(|()| ask_interceptors(bus, entry, event, mode)) {
        Ok(guard) => guard,
        Err(why) => return Admission::Refused(why),
    };
    match entry.spend() {
        OnceState::Unlimited => {}
        // Out of the slot before the call: code inside the listener finds it gone.
        OnceState::Last => bus.registry.remove_spent(entry, slot),
        OnceState::Spent => {
            guard.end(Some(&Outcome::NotRun(NotRun::Gone)));
            return Admission::Skip;
        }
    }
    Admission::Call(guard)
}

/// Tells the interceptors, if there are some, of a listener that is passed over.
fn skip(bus: &Arc<BusState>, entry: &Entry, event: &AnyEvent<'_>, mode: Mode, why: Skipped) -> Admission {
    if !bus.interceptors.are_idle()
        && let Some(emission) = Frame::current_emission()
    {
        let emission = EmissionInfo::new(bus, event.clone(), emission).awaited(mode);
        bus.interceptors.tell_skipped(&emission, &entry.info, why);
    }
    Admission::Skip
}

fn ask_interceptors(bus: &Arc<BusState>, entry: &Entry, event: &AnyEvent<'_>, mode: Mode) -> Result<CallGuard, NotRun> {
    match Frame::current_emission() {
        Some(emission) if !bus.interceptors.are_idle() => {
            let emission = EmissionInfo::new(bus, event.clone(), emission).awaited(mode);
            bus.interceptors.admit_call(&emission, &entry.info)
        }
        _ => Ok(CallGuard::none()),
    }
}
