//! Wiring handlers, and the table of them.

use std::{panic::Location, sync::Arc, time::Duration};

use super::{
    BatchHandlerFn, ConsumerBuilder, ConsumerError, HandlerFn, PatternHandlerFn, Unhandled,
    handler::{Batched, Handlers, Named, Typed, WiredHandler},
    routes::{Handles, Route, Routes},
};
use crate::{call::Isolated, event::Event, pattern::Pattern, publish::kind_of, transport::Ordering};

impl<S> ConsumerBuilder<S> {
    pub(super) fn typed<E: Event, F: HandlerFn<E>>(mut self, code: F, location: &'static Location<'static>) -> Self {
        self.declare::<E>(location);
        let handler = Arc::new(Typed::<E, F>::new(Isolated::new(code)));
        let what = Handles::Type(E::TYPE);
        let route = Route { what, kind: Some(kind_of::<E>()), key: None, batch: None, to_listeners: false, location };
        self.handlers.push(WiredHandler { handler, route });
        self
    }

    pub(super) fn named(
        mut self,
        pattern: &str,
        code: impl PatternHandlerFn,
        location: &'static Location<'static>,
    ) -> Self {
        let code = Isolated::new(code);
        match Pattern::new(pattern) {
            Ok(pattern) => self.push_named(Handles::Pattern(pattern), code, location),
            Err(error) => self.mistake(error.into()),
        }
        self
    }

    pub(super) fn rest(mut self, code: impl PatternHandlerFn, location: &'static Location<'static>) -> Self {
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
        let handler = Arc::new(Batched::<E, F>::new(Isolated::new(code)));
        let what = Handles::Type(E::TYPE);
        let route =
            Route { what, kind: Some(kind_of::<E>()), key: None, batch: Some(limits), to_listeners: false, location };
        self.handlers.push(WiredHandler { handler, route });
        self
    }

    fn push_named(
        &mut self,
        what: Handles,
        code: Isolated<impl PatternHandlerFn>,
        location: &'static Location<'static>,
    ) {
        let route = Route { what, kind: None, key: None, batch: None, to_listeners: false, location };
        self.handlers.push(WiredHandler { handler: Arc::new(Named(code)), route });
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

    /// Builds the table of handlers, which finds those that overlap, and their code in the same order.
    pub(super) fn routes(&mut self) -> Result<(Routes, Handlers), ConsumerError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.has_keys() {
            self.group.ordering = if self.is_ordered_within_process { Ordering::Process } else { Ordering::Group };
        }
        let (mut routes, mut handlers) = (Routes::default(), Vec::new());
        for WiredHandler { handler, mut route } in self.handlers.drain(..) {
            if let Handles::Type(event) = route.what {
                route.key = self.keys.remove(&event.id()).map(|(_, key)| key);
            }
            handlers.push(handler);
            if let Err((first, second)) = routes.add(route) {
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
        routes.add_upcasts(&self.bus.publishing().upcasts.all());
        self.group.wants = routes.wants(self.unhandled == Unhandled::Fail);
        Ok((routes, handlers.into()))
    }
}
