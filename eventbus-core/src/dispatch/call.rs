//! Listeners in the form in which slots keep them: the type of the closure forgotten, the event's type kept.
//!
//! The list is erased, not the listener: a call is one indirect call and no downcast.

use std::{pin::Pin, sync::Arc};

use super::{Scene, Tally, isolate};
use crate::{
    listener::{BoxError, ListenerInfo},
    registry::Departs,
};

/// What a listener's future ends with.
pub(crate) type ListenerFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// A listener that is called: on the emitting thread, or on one that may block.
pub(crate) trait SyncCall<E>: Send + Sync {
    /// Whether its filter wants the event. Asked only where there is a filter or the listener runs once.
    fn admits(&self, _event: &E, _scene: &Scene<'_>) -> bool {
        true
    }

    /// Calls it; an error goes into the tally.
    fn call(&self, info: &ListenerInfo, event: &E, scene: &Scene<'_>, tally: &mut Tally);
}

/// A listener that gives a future.
pub(crate) trait AsyncCall<E>: Send + Sync {
    /// As for [`SyncCall`].
    fn admits(&self, _event: &E, _scene: &Scene<'_>) -> bool {
        true
    }

    /// Makes the future.
    fn start(&self, event: Arc<E>, scene: &Scene<'_>) -> ListenerFuture;
}

/// A listener's closure. Dropped isolated, so that its drop cannot panic into whoever happens to drop it last; what is
/// behind it in the struct then announces that it is gone.
pub(crate) struct Code<F> {
    closure: Isolated<F>,
    _departs: Departs,
}

impl<F> Code<F> {
    pub(crate) fn new(closure: F, departs: Departs) -> Self {
        Self { closure: Isolated::new(closure), _departs: departs }
    }
}

/// The form that all synchronous listeners are brought into.
pub(crate) trait SyncCode<E>: Fn(&E, &Scene<'_>) -> Result<(), BoxError> + Send + Sync + 'static {}
impl<E, F: Fn(&E, &Scene<'_>) -> Result<(), BoxError> + Send + Sync + 'static> SyncCode<E> for F {}

/// The form that all asynchronous listeners are brought into.
pub(crate) trait AsyncCode<E>: Fn(Arc<E>, &Scene<'_>) -> ListenerFuture + Send + Sync + 'static {}
impl<E, F: Fn(Arc<E>, &Scene<'_>) -> ListenerFuture + Send + Sync + 'static> AsyncCode<E> for F {}

impl<E: 'static, F: SyncCode<E>> SyncCall<E> for Code<F> {
    #[inline]
    fn call(&self, info: &ListenerInfo, event: &E, scene: &Scene<'_>, tally: &mut Tally) {
        if let Err(error) = (self.closure.get())(event, scene) {
            tally.failed(info, error);
        }
    }
}

impl<E: 'static, F: AsyncCode<E>> AsyncCall<E> for Code<F> {
    fn start(&self, event: Arc<E>, scene: &Scene<'_>) -> ListenerFuture {
        (self.closure.get())(event, scene)
    }
}

/// Foreign code whose drop must not panic.
#[derive(Debug)]
pub(crate) struct Isolated<F>(Option<F>);

impl<F> Isolated<F> {
    pub(crate) fn new(code: F) -> Self {
        Self(Some(code))
    }

    #[inline]
    pub(crate) fn get(&self) -> &F {
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

/// A filter, erased.
pub(crate) type Filter<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;

/// A listener behind a filter.
pub(crate) struct Filtered<E, C> {
    filter: Isolated<Filter<E>>,
    call: C,
}

impl<E, C> Filtered<E, C> {
    pub(crate) fn new(filter: Filter<E>, call: C) -> Self {
        Self { filter: Isolated::new(filter), call }
    }
}

impl<E: 'static, C: SyncCall<E>> SyncCall<E> for Filtered<E, C> {
    fn admits(&self, event: &E, _scene: &Scene<'_>) -> bool {
        (self.filter.get())(event)
    }

    fn call(&self, info: &ListenerInfo, event: &E, scene: &Scene<'_>, tally: &mut Tally) {
        self.call.call(info, event, scene, tally);
    }
}

impl<E: 'static, C: AsyncCall<E>> AsyncCall<E> for Filtered<E, C> {
    fn admits(&self, event: &E, _scene: &Scene<'_>) -> bool {
        (self.filter.get())(event)
    }

    fn start(&self, event: Arc<E>, scene: &Scene<'_>) -> ListenerFuture {
        self.call.start(event, scene)
    }
}
