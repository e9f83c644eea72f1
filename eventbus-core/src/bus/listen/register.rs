//! Puts a listener into its slot.

use std::{
    panic::Location,
    sync::{Arc, Weak},
};

use super::{
    super::{Bus, Scope},
    Options,
};
use crate::{
    dispatch::{AsyncCall, Code, EventSlot, Filtered, ListenerFuture, Scene, SyncCall},
    event::Event,
    listener::{BoxError, ListenerId, ListenerInfo, ListenerKind},
    registry::{Departs, Entry, Home, Late, Member, Subscription},
};

/// Where a listener goes: a bus that may be gone, perhaps through a scope.
pub(in crate::bus) struct Target<'b> {
    pub(in crate::bus) bus: Option<Bus>,
    pub(in crate::bus) scope: Option<&'b Scope>,
    pub(in crate::bus) location: &'static Location<'static>,
}

type MemberOf<E> = Member<dyn SyncCall<E>, dyn AsyncCall<E>>;

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
            let NewEntry { info, mut options, departs } = entry;
            let code = Code::new(code, departs);
            let filter = options.filter.take();
            Member::Late(Late::Async(match filter {
                None => Arc::new(Entry::new(info, options.once, false, options.timeout, Box::new(code))),
                Some(filter) => {
                    let code = Filtered::new(filter, code);
                    Arc::new(Entry::new(info, options.once, true, options.timeout, Box::new(code)))
                }
            }))
        })
    }

    #[track_caller]
    fn register<E: Event>(
        self,
        options: Options<E>,
        kind: ListenerKind,
        member: impl FnOnce(NewEntry<E>) -> MemberOf<E>,
    ) -> Subscription {
        let info = ListenerInfo {
            id: ListenerId::next(),
            kind,
            name: options.name.clone(),
            event: Some(E::TYPE),
            pattern: None,
            priority: options.priority,
            scope: self.scope.map(Scope::shared_name),
            location: self.location,
        };
        let (departs, departure) = Departs::new();
        let member = member(NewEntry { info: info.clone(), options, departs });
        let Some(bus) = self.bus else {
            return Subscription::new(None, info, Weak::<EventSlot<E>>::new(), departure);
        };
        let slot: Arc<EventSlot<E>> = bus.slot(self.location);
        slot.insert(member);
        let home: Arc<dyn Home> = slot;
        let subscription = Subscription::new(Some(bus.inner.registry.id()), info, Arc::downgrade(&home), departure);
        if let Some(scope) = self.scope {
            scope.add(subscription.clone());
        }
        subscription
    }
}

/// What an entry is made of, besides the code.
struct NewEntry<E> {
    info: ListenerInfo,
    options: Options<E>,
    departs: Departs,
}

fn sync_entry<E: Event>(
    entry: NewEntry<E>,
    code: impl Fn(&E, &Scene<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
) -> Arc<Entry<dyn SyncCall<E>>> {
    let NewEntry { info, mut options, departs } = entry;
    let code = Code::new(code, departs);
    match options.filter.take() {
        None => Arc::new(Entry::new(info, options.once, false, options.timeout, Box::new(code))),
        Some(filter) => {
            Arc::new(Entry::new(info, options.once, true, options.timeout, Box::new(Filtered::new(filter, code))))
        }
    }
}
