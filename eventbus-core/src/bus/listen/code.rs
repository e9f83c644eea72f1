//! Adapters: users' closures in the form in which slots keep them.
//!
//! This code is compiled for each closure, so it is kept as small as possible.

use std::sync::Arc;

use crate::{
    call::{AnyEvent, CallContext, ListenerFuture},
    event::Event,
    listener::{BoxError, Return},
    registry::{Code, ErasedCall, FutureCall, SyncCall, SyncCode},
};

/// Code that runs on the emitting thread, for events of type `E`.
pub(super) fn sync<E: Event, F>(call: F) -> Code
where
    F: Fn(&E, &mut CallContext<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
{
    SyncCode::<E>::erased(TypedCode(call))
}

/// Code that runs on the emitting thread, for any event.
pub(super) fn sync_by_pattern<F>(call: F) -> Code
where
    F: Fn(&AnyEvent<'_>, &mut CallContext<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
{
    Code::Sync(Arc::new(Erased(call)))
}

/// Code that runs on a thread that may block, for events of type `E`.
pub(super) fn blocking<E: Event, F>(call: F) -> Code
where
    F: Fn(&E, &mut CallContext<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
{
    blocking_by_pattern(move |event, context| match event.downcast_ref() {
        Some(event) => call(event, context),
        None => Ok(()),
    })
}

/// Code that runs on a thread that may block, for any event.
pub(super) fn blocking_by_pattern<F>(call: F) -> Code
where
    F: Fn(&AnyEvent<'_>, &mut CallContext<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
{
    Code::Blocking(Arc::new(Erased(call)))
}

/// Code that makes futures, for events of type `E`.
pub(super) fn future<E: Event, T, F>(start: F) -> Code
where
    T: Future<Output: Return> + Send + 'static,
    F: Fn(Arc<E>, &mut CallContext<'_>) -> T + Send + Sync + 'static,
{
    Code::Future(Arc::new(Starts(move |event: &AnyEvent<'static>, context: &mut CallContext<'_>| {
        match event.arc::<E>() {
            Some(event) => boxed(start(event, context)),
            None => unreachable!("the slot of a type gets events of that type"),
        }
    })))
}

/// Code that makes futures, for any event.
pub(super) fn future_by_pattern<T, F>(start: F) -> Code
where
    T: Future<Output: Return> + Send + 'static,
    F: Fn(AnyEvent<'static>, &mut CallContext<'_>) -> T + Send + Sync + 'static,
{
    Code::Future(Arc::new(Starts(move |event: &AnyEvent<'static>, context: &mut CallContext<'_>| {
        boxed(start(event.clone(), context))
    })))
}

/// The future of a listener in the form in which all are kept.
fn boxed<T: Future<Output: Return> + Send + 'static>(future: T) -> ListenerFuture {
    Box::pin(async move { future.await.into_result() })
}

/// A closure for events of a type; what it returns goes into the context.
struct TypedCode<F>(F);

impl<E: Event, F> SyncCall<E> for TypedCode<F>
where
    F: Fn(&E, &mut CallContext<'_>) -> Result<(), BoxError> + Send + Sync,
{
    #[inline]
    fn call(&self, event: &E, context: &mut CallContext<'_>) {
        if let Err(error) = (self.0)(event, context) {
            context.failed(error);
        }
    }
}

/// The same for any event.
struct Erased<F>(F);

impl<F> ErasedCall for Erased<F>
where
    F: Fn(&AnyEvent<'_>, &mut CallContext<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
{
    fn call(&self, event: &AnyEvent<'_>, context: &mut CallContext<'_>) {
        if let Err(error) = (self.0)(event, context) {
            context.failed(error);
        }
    }
}

struct Starts<F>(F);

impl<F> FutureCall for Starts<F>
where
    F: Fn(&AnyEvent<'static>, &mut CallContext<'_>) -> ListenerFuture + Send + Sync,
{
    fn start(&self, event: &AnyEvent<'static>, context: &mut CallContext<'_>) -> ListenerFuture {
        (self.0)(event, context)
    }
}
