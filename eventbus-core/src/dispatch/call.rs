//! Listeners in the form in which slots keep them: the type of the closure forgotten, the event's type kept.
//!
//! The list is erased, not the listener: a call is one indirect call and no downcast.

use super::{Tally, isolate};
use crate::listener::{ListenerInfo, Return, StateListener, SyncListener};

/// A listener that runs on the emitting thread.
pub(crate) trait SyncCall<E>: Send + Sync {
    /// Whether its filter wants the event. Asked only where there is a filter or the listener runs once.
    fn admits(&self, _event: &E) -> bool {
        true
    }

    /// Calls it; an error goes into the tally.
    fn call(&self, info: &ListenerInfo, event: &E, tally: &mut Tally);
}

/// Foreign code whose drop must not panic into whoever happens to drop it last.
pub(crate) struct Isolated<F>(Option<F>);

impl<F> Isolated<F> {
    pub(crate) fn new(code: F) -> Self {
        Self(Some(code))
    }

    #[inline]
    fn get(&self) -> &F {
        match &self.0 {
            Some(code) => code,
            None => unreachable!("taken by `drop` only"),
        }
    }
}

impl<F> Drop for Isolated<F> {
    fn drop(&mut self) {
        let code = self.0.take();
        // The panic has been shown by the panic hook; there is nobody left to report to.
        let _ = isolate(|| drop(code));
    }
}

/// `Fn(&E)`.
pub(crate) struct Plain<F>(pub(crate) Isolated<F>);

impl<E: 'static, F: SyncListener<E>> SyncCall<E> for Plain<F> {
    #[inline]
    fn call(&self, info: &ListenerInfo, event: &E, tally: &mut Tally) {
        if let Err(error) = (self.0.get())(event).into_result() {
            tally.failed(info, error);
        }
    }
}

/// `Fn(S, &E)`.
pub(crate) struct Stateful<S, F>(pub(crate) Isolated<(S, F)>);

impl<E: 'static, S, F> SyncCall<E> for Stateful<S, F>
where
    S: Clone + Send + Sync + 'static,
    F: StateListener<S, E>,
{
    fn call(&self, info: &ListenerInfo, event: &E, tally: &mut Tally) {
        let (state, listener) = self.0.get();
        if let Err(error) = listener(state.clone(), event).into_result() {
            tally.failed(info, error);
        }
    }
}

/// A filter, erased.
pub(crate) type Filter<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;

/// A listener behind a filter.
pub(crate) struct Filtered<E, C> {
    pub(crate) filter: Isolated<Filter<E>>,
    pub(crate) call: C,
}

impl<E: 'static, C: SyncCall<E>> SyncCall<E> for Filtered<E, C> {
    fn admits(&self, event: &E) -> bool {
        (self.filter.get())(event)
    }

    fn call(&self, info: &ListenerInfo, event: &E, tally: &mut Tally) {
        self.call.call(info, event, tally);
    }
}
