//! Listeners by name in the form in which the registry keeps them, and how they come to be called for an event type.

use std::sync::Arc;

use super::{AnyEvent, AsyncCall, EventMember, Isolated, ListenerFuture, Scene, SyncCall, Tally};
use crate::{
    event::Event,
    listener::{BoxError, ListenerInfo},
    registry::{Departs, Entry, Late, Member, NameListener},
};

/// What a listener by name is, besides its name.
pub(crate) enum NameCode {
    Sync(Box<dyn NameCall>),
    #[cfg_attr(not(feature = "tokio"), expect(dead_code, reason = "without a runtime there is no pool"))]
    Blocking(Box<dyn NameCall>),
    Async(Box<dyn AsyncNameCall>),
}

/// A filter by name, erased.
pub(crate) type NameFilter = Box<dyn Fn(&AnyEvent<'_>) -> bool + Send + Sync>;

/// A listener by name that is called.
pub(crate) trait NameCall: Send + Sync {
    fn admits(&self, event: &AnyEvent<'_>) -> bool;
    fn call(&self, event: &AnyEvent<'_>, scene: &Scene<'_>) -> Result<(), BoxError>;
}

/// A listener by name that gives a future.
pub(crate) trait AsyncNameCall: Send + Sync {
    fn admits(&self, event: &AnyEvent<'_>) -> bool;
    fn start(&self, event: AnyEvent<'static>, scene: &Scene<'_>) -> ListenerFuture;
}

/// A listener's closure and its filter; dropped as [`Code`](super::Code) is.
pub(crate) struct ByNameCode<F> {
    filter: Option<Isolated<NameFilter>>,
    closure: Isolated<F>,
    _departs: Departs,
}

impl<F> ByNameCode<F> {
    pub(crate) fn new(filter: Option<NameFilter>, closure: F, departs: Departs) -> Self {
        Self { filter: filter.map(Isolated::new), closure: Isolated::new(closure), _departs: departs }
    }

    fn admits(&self, event: &AnyEvent<'_>) -> bool {
        self.filter.as_ref().is_none_or(|filter| (filter.get())(event))
    }
}

impl<F> NameCall for ByNameCode<F>
where
    F: Fn(&AnyEvent<'_>, &Scene<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
{
    fn admits(&self, event: &AnyEvent<'_>) -> bool {
        self.admits(event)
    }

    fn call(&self, event: &AnyEvent<'_>, scene: &Scene<'_>) -> Result<(), BoxError> {
        (self.closure.get())(event, scene)
    }
}

impl<F> AsyncNameCall for ByNameCode<F>
where
    F: Fn(AnyEvent<'static>, &Scene<'_>) -> ListenerFuture + Send + Sync + 'static,
{
    fn admits(&self, event: &AnyEvent<'_>) -> bool {
        self.admits(event)
    }

    fn start(&self, event: AnyEvent<'static>, scene: &Scene<'_>) -> ListenerFuture {
        (self.closure.get())(event, scene)
    }
}

/// Makes a listener by name one for `E`.
pub(crate) fn adapt<E: Event>(listener: &Arc<NameListener>) -> EventMember<E> {
    let Ok(code) = Arc::clone(&listener.code).downcast::<NameCode>() else {
        unreachable!("listeners by name hold nothing else")
    };
    match &*code {
        NameCode::Sync(_) => Member::Sync(Arc::new(Entry::by_name(listener, Box::new(ByName(code))))),
        NameCode::Blocking(_) => {
            Member::Late(Late::Blocking(Arc::new(Entry::by_name(listener, Box::new(ByName(code))))))
        }
        NameCode::Async(_) => Member::Late(Late::Async(Arc::new(Entry::by_name(listener, Box::new(ByName(code)))))),
    }
}

/// A listener by name, called with events of a type.
struct ByName(Arc<NameCode>);

impl<E: Event> SyncCall<E> for ByName {
    fn admits(&self, event: &E, scene: &Scene<'_>) -> bool {
        let event = AnyEvent::borrowed(event, scene.shared);
        match &*self.0 {
            NameCode::Sync(code) | NameCode::Blocking(code) => code.admits(&event),
            NameCode::Async(code) => code.admits(&event),
        }
    }

    fn call(&self, info: &ListenerInfo, event: &E, scene: &Scene<'_>, tally: &mut Tally) {
        let (NameCode::Sync(code) | NameCode::Blocking(code)) = &*self.0 else { unreachable!("adapted as what it is") };
        if let Err(error) = code.call(&AnyEvent::borrowed(event, scene.shared), scene) {
            tally.failed(info, error);
        }
    }
}

impl<E: Event> AsyncCall<E> for ByName {
    fn admits(&self, event: &E, scene: &Scene<'_>) -> bool {
        SyncCall::admits(self, event, scene)
    }

    fn start(&self, event: Arc<E>, scene: &Scene<'_>) -> ListenerFuture {
        let NameCode::Async(code) = &*self.0 else { unreachable!("adapted as what it is") };
        code.start(AnyEvent::shared(event), scene)
    }
}
