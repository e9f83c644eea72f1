//! The options of a listener that is about to be registered.

use std::{sync::Arc, time::Duration};

use crate::{
    call::{AnyEvent, Isolated},
    registry::Filter,
};

/// What a listener may be given before it is registered.
#[derive(Default)]
pub(super) struct ListenOptions {
    pub(super) name: Option<Arc<str>>,
    pub(super) priority: i32,
    pub(super) once: bool,
    pub(super) filter: Option<Filter>,
    pub(super) timeout: Option<Duration>,
    pub(super) spawned: bool,
}

impl ListenOptions {
    /// Adds a filter: all of them must agree.
    pub(super) fn add_filter(&mut self, filter: Filter) {
        self.filter = Some(match self.filter.take() {
            Some(first) => {
                // Each on its own: two drops that panic at once would end the process.
                let (first, filter) = (Isolated::new(first), Isolated::new(filter));
                Box::new(move |event: &AnyEvent<'_>| (first.get())(event) && (filter.get())(event))
            }
            None => filter,
        });
    }
}
