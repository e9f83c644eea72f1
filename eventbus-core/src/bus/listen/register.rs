//! Puts a listener into its slot.

use std::{
    panic::Location,
    sync::{Arc, Weak},
};

use super::{
    super::{Bus, Scope, inner::Inner},
    ByName, Options, Topic,
};
use crate::{
    dispatch::{Code, EventMember, EventSlot, Filtered, ListenerFuture, NameCode, NameFilter, Scene, SyncCall},
    event::{Event, EventType},
    listener::{BoxError, ListenerId, ListenerInfo, ListenerKind},
    pattern::Pattern,
    registry::{Departs, Departure, Entry, Home, Late, Member, NameListener, Subscription},
};

/// Where a listener goes: a bus that may be gone, perhaps through a scope.
pub(in crate::bus) struct Target<'b> {
    pub(in crate::bus) bus: Option<Bus>,
    pub(in crate::bus) scope: Option<&'b Scope>,
    pub(in crate::bus) location: &'static Location<'static>,
    /// The names, for a listener by name.
    pub(in crate::bus) pattern: Option<Pattern>,
}

impl Target<'_> {
    #[track_caller]
    pub(super) fn sync<E: Event>(
        self,
        options: Options<E>,
        code: impl Fn(&E, &Scene<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Subscription {
        self.register(options, ListenerKind::Sync, |entry| Member::Sync(sync_entry(entry, code)))
    }

    #[cfg(feature = "tokio")]
    #[track_caller]
    pub(super) fn blocking<E: Event>(
        self,
        options: Options<E>,
        code: impl Fn(&E, &Scene<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Subscription {
        self.register(options, ListenerKind::Blocking, |entry| Member::Late(Late::Blocking(sync_entry(entry, code))))
    }

    #[track_caller]
    pub(super) fn future<E: Event>(
        self,
        options: Options<E>,
        code: impl Fn(Arc<E>, &Scene<'_>) -> ListenerFuture + Send + Sync + 'static,
    ) -> Subscription {
        let kind = if options.spawned { ListenerKind::Spawned } else { ListenerKind::Async };
        self.register(options, kind, |entry| {
            let NewEntry { info, mut options, departs, asked } = entry;
            let code = Code::new(code, departs);
            let filter = options.filter.take();
            Member::Late(Late::Async(match filter {
                None => Arc::new(Entry::new(info, options.once, asked, options.timeout, Box::new(code))),
                Some(filter) => {
                    let code = Filtered::new(filter, code);
                    Arc::new(Entry::new(info, options.once, asked, options.timeout, Box::new(code)))
                }
            }))
        })
    }

    #[track_caller]
    fn register<E: Event>(
        self,
        options: Options<E>,
        kind: ListenerKind,
        member: impl FnOnce(NewEntry<E>) -> EventMember<E>,
    ) -> Subscription {
        let info = self.info(&options, kind, Some(E::TYPE), None);
        let (departs, departure) = Departs::new();
        // A listener with a filter is asked for; so is one that interceptors may refuse.
        let asked = info.filtered || self.bus.as_ref().is_some_and(|bus| !bus.inner.interceptors.is_empty());
        let member = member(NewEntry { info: info.clone(), options, departs, asked });
        let Some(bus) = &self.bus else {
            return Subscription::new(None, info, Weak::<EventSlot<E>>::new(), departure);
        };
        let slot: Arc<EventSlot<E>> = bus.slot(self.location);
        let home: Arc<dyn Home> = slot.clone();
        let insert = || drop(slot.insert(member));
        self.subscribe(info, Arc::downgrade(&home), departure, insert)
    }

    fn info<T: Topic>(
        &self,
        options: &Options<T>,
        kind: ListenerKind,
        event: Option<&'static EventType>,
        pattern: Option<Pattern>,
    ) -> ListenerInfo {
        ListenerInfo {
            id: ListenerId::next(),
            kind,
            name: options.name.clone(),
            event,
            pattern,
            priority: options.priority,
            once: options.once,
            filtered: options.filter.is_some(),
            scope: self.scope.map(Scope::shared_name),
            location: self.location,
        }
    }

    /// Registers a listener by `insert`, and gives its subscription. A scope knows of it before it is there: who closes the scope
    /// then waits for it, and one that is closed already gets none.
    fn subscribe(
        &self,
        info: ListenerInfo,
        home: Weak<dyn Home>,
        departure: Arc<Departure>,
        insert: impl FnOnce(),
    ) -> Subscription {
        let bus = self.bus.as_ref().map(|bus| bus.inner.registry.id());
        let subscription = Subscription::new(bus, info, home, departure);
        match self.scope {
            None => insert(),
            Some(scope) if scope.add(&subscription) => {
                insert();
                // Closed in between, it was not there yet to be ended.
                if scope.is_closed() {
                    subscription.off();
                }
            }
            Some(_) => {}
        }
        subscription
    }

    /// Registers a listener by name.
    pub(super) fn by_name(
        self,
        mut options: Options<ByName>,
        kind: ListenerKind,
        code: impl FnOnce(Option<NameFilter>, Departs) -> NameCode,
    ) -> Subscription {
        let info = self.info(&options, kind, None, self.pattern.clone());
        let (departs, departure) = Departs::new();
        let code = Arc::new(code(options.filter.take(), departs));
        let Some(bus) = &self.bus else {
            return Subscription::new(None, info, Weak::<Inner>::new(), departure);
        };
        let home: Weak<dyn Home> = bus.inner.me.clone();
        let listener = NameListener::new(info.clone(), options.once, options.timeout, code, home.clone());
        let listener = Arc::new(listener);
        self.subscribe(info, home, departure, || bus.inner.registry.add_by_name(&listener))
    }
}

/// What an entry is made of, besides the code.
struct NewEntry<E: Event> {
    info: ListenerInfo,
    options: Options<E>,
    departs: Departs,
    /// Whether its turn is never taken without asking.
    asked: bool,
}

fn sync_entry<E: Event>(
    entry: NewEntry<E>,
    code: impl Fn(&E, &Scene<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
) -> Arc<Entry<dyn SyncCall<E>>> {
    let NewEntry { info, mut options, departs, asked } = entry;
    let code = Code::new(code, departs);
    match options.filter.take() {
        None => Arc::new(Entry::new(info, options.once, asked, options.timeout, Box::new(code))),
        Some(filter) => {
            Arc::new(Entry::new(info, options.once, asked, options.timeout, Box::new(Filtered::new(filter, code))))
        }
    }
}
