//! The code of listeners, in the form in which slots keep it.

use std::{any::Any, sync::Arc};

use super::entry::Entry;
use crate::{
    call::{AnyEvent, CallContext, Isolated, ListenerFuture},
    event::Event,
};

/// Synchronous code that takes its event by type: one indirect call, no downcast.
pub(crate) trait SyncCall<E>: Send + Sync {
    fn call(&self, event: &E, context: &mut CallContext<'_>);
}

/// Synchronous or blocking code that takes any event.
pub(crate) trait ErasedCall: Any + Send + Sync {
    fn call(&self, event: &AnyEvent<'_>, context: &mut CallContext<'_>);
}

/// Asynchronous code: makes a future for an event.
pub(crate) trait FutureCall: Send + Sync {
    fn start(&self, event: &AnyEvent<'static>, context: &mut CallContext<'_>) -> ListenerFuture;
}

/// What a listener runs.
#[derive(Clone)]
pub(crate) enum Code {
    /// On the emitting thread, before all others.
    Sync(Arc<dyn ErasedCall>),
    /// On a thread that may block.
    Blocking(Arc<dyn ErasedCall>),
    /// A future, polled by the emission or in a task of its own.
    Future(Arc<dyn FutureCall>),
}

/// A listener as its slot keeps it. The code is dropped before the entry, in isolation.
#[derive(Clone)]
pub(crate) struct Member {
    code: IsolatedCode,
    pub(crate) entry: Arc<Entry>,
}

struct IsolatedCode(Isolated<Code>);

impl Clone for IsolatedCode {
    fn clone(&self) -> Self {
        Self(Isolated::new(self.0.get().clone()))
    }
}

impl Member {
    pub(crate) fn new(entry: Arc<Entry>, code: Code) -> Self {
        Self { code: IsolatedCode(Isolated::new(code)), entry }
    }

    #[inline]
    pub(crate) fn code(&self) -> &Code {
        self.code.0.get()
    }

    fn sync_code(&self) -> &Arc<dyn ErasedCall> {
        match self.code() {
            Code::Sync(code) | Code::Blocking(code) => code,
            Code::Future(_) => unreachable!("chunks of synchronous listeners hold no others"),
        }
    }
}

/// Synchronous code of listeners to `E`, as [`Code::Sync`] holds it.
pub(crate) struct SyncCode<E>(Arc<dyn SyncCall<E>>);

impl<E: Event> SyncCode<E> {
    pub(crate) fn erased(code: impl SyncCall<E> + 'static) -> Code {
        Code::Sync(Arc::new(Self(Arc::new(code))))
    }
}

impl<E: Event> ErasedCall for SyncCode<E> {
    fn call(&self, event: &AnyEvent<'_>, context: &mut CallContext<'_>) {
        if let Some(event) = event.downcast_ref() {
            self.0.call(event, context);
        }
    }
}

/// A synchronous listener to `E`.
pub(crate) struct SyncItem<E> {
    pub(crate) entry: Arc<Entry>,
    pub(crate) code: Arc<dyn SyncCall<E>>,
}

/// The synchronous listeners of a chunk, in the order of calls.
pub(super) type SyncList<E> = Vec<SyncItem<E>>;

/// Collects the synchronous code of `members`; listeners by pattern are adapted to `E`.
///
/// A loop, where iterators would read better: this is compiled for each event type, and they compile to four times as much.
pub(super) fn sync_list<E: Event>(members: &[Member]) -> Box<dyn Any + Send + Sync> {
    let mut list = SyncList::<E>::with_capacity(members.len());
    for member in members {
        let erased = member.sync_code();
        let code = match (&**erased as &dyn Any).downcast_ref::<SyncCode<E>>() {
            Some(typed) => Arc::clone(&typed.0),
            None => Arc::new(PatternCode(Arc::clone(erased))),
        };
        list.push(SyncItem { entry: Arc::clone(&member.entry), code });
    }
    Box::new(list)
}

/// Code of a listener by pattern, for events of a type.
struct PatternCode(Arc<dyn ErasedCall>);

impl<E: Event> SyncCall<E> for PatternCode {
    fn call(&self, event: &E, context: &mut CallContext<'_>) {
        self.0.call(&AnyEvent::borrowed(E::TYPE, event, context.shared), context);
    }
}
