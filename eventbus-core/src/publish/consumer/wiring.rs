//! What is wired: handlers until they are built, and the table of them.

use std::{any::Any, panic::Location, sync::Arc, time::Duration};

use super::{
    BatchHandlerFn, ConsumerBuilder, ConsumerError, HandlerFn, NameHandlerFn, Unhandled,
    handler::{AnyHandler, Batched, Named, Typed},
    keys::Key,
    routes::{Handles, Route, Routes},
};
use crate::{call::Isolated, event::Event, pattern::Pattern, transport::Ordering};

/// A handler that is not built yet: the key of its event may still be given.
pub(super) struct Pending {
    pub(super) what: Handles,
    location: &'static Location<'static>,
    build: Build,
}

/// A [`Key`], its event's type forgotten.
pub(super) type AnyKey = Box<dyn Any + Send + Sync>;

type Build = Box<dyn FnOnce(Option<AnyKey>) -> Arc<dyn AnyHandler> + Send>;

impl<S> ConsumerBuilder<S> {
    pub(super) fn typed<E: Event, F: HandlerFn<E>>(mut self, code: F, location: &'static Location<'static>) -> Self {
        self.declare::<E>(location);
        let code = Isolated::new(code);
        let build =
            Box::new(|key: Option<AnyKey>| -> Arc<dyn AnyHandler> { Arc::new(Typed::<E, F>::new(code, key_of(key))) });
        self.handlers.push(Pending { what: Handles::Type(E::TYPE), location, build });
        self
    }

    pub(super) fn named(
        mut self,
        pattern: &str,
        code: impl NameHandlerFn,
        location: &'static Location<'static>,
    ) -> Self {
        let code = Isolated::new(code);
        match Pattern::new(pattern) {
            Ok(pattern) => self.push_named(Handles::Pattern(pattern), code, location),
            Err(error) => self.mistake(error.into()),
        }
        self
    }

    pub(super) fn rest(mut self, code: impl NameHandlerFn, location: &'static Location<'static>) -> Self {
        self.push_named(Handles::Rest, Isolated::new(code), location);
        self
    }

    pub(super) fn batched<E: Event, F: BatchHandlerFn<E>>(
        mut self,
        code: F,
        limits: (usize, Duration),
        location: &'static Location<'static>,
    ) -> Self {
        self.declare::<E>(location);
        let code = Isolated::new(code);
        let build = Box::new(move |key: Option<AnyKey>| -> Arc<dyn AnyHandler> {
            Arc::new(Batched::<E, F>::new(code, key_of(key), limits))
        });
        self.handlers.push(Pending { what: Handles::Type(E::TYPE), location, build });
        self
    }

    fn push_named(&mut self, what: Handles, code: Isolated<impl NameHandlerFn>, location: &'static Location<'static>) {
        let build = Box::new(|_| -> Arc<dyn AnyHandler> { Arc::new(Named(code)) });
        self.handlers.push(Pending { what, location, build });
    }

    fn declare<E: Event>(&mut self, location: &'static Location<'static>) {
        if let Err(error) = self.bus.declare_at::<E>(location) {
            self.mistake(error.into());
        }
    }

    fn mistake(&mut self, error: ConsumerError) {
        self.error.get_or_insert(error);
    }

    /// Whether the consumer tells keys.
    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Builds the table of handlers, which finds those that overlap.
    pub(super) fn routes(&mut self) -> Result<Routes, ConsumerError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.has_keys() {
            self.group.ordering = if self.is_ordered_within_process { Ordering::Process } else { Ordering::Group };
        }
        let mut routes = Routes::default();
        for Pending { what, location, build } in self.handlers.drain(..) {
            let handler = match &what {
                Handles::Type(event) => build(self.keys.remove(&event.id()).map(|(_, key)| key)),
                Handles::Pattern(_) | Handles::Rest => build(None),
            };
            if let Err((first, second)) = routes.add(Route { handler, what, location }) {
                return Err(ConsumerError::HandlerTaken {
                    group: Arc::clone(&self.group.name),
                    first: first.what.to_string(),
                    first_location: first.location,
                    second: second.what.to_string(),
                    second_location: second.location,
                });
            }
        }
        if routes.all.is_empty() {
            return Err(ConsumerError::NoHandlers { group: Arc::clone(&self.group.name) });
        }
        // What is left has found no handler. Of several the same one is told each time.
        let left = self.keys.values().map(|(event, _)| *event);
        if let Some(event) = left.min_by_key(|event| (event.name().as_str(), event.version())) {
            return Err(ConsumerError::KeyWithoutHandler { group: Arc::clone(&self.group.name), event });
        }
        self.group.wants = routes.wants(self.unhandled == Unhandled::Fail);
        Ok(routes)
    }
}

fn key_of<E: Event>(key: Option<AnyKey>) -> Option<Key<E>> {
    key.and_then(|key| key.downcast::<Key<E>>().ok()).map(|key| *key)
}
