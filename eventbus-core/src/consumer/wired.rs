//! What a consumer was wired to do, for the catalog and `explain`.

use std::{panic::Location, sync::Arc, time::Duration};

use super::{Control, Retry, Unhandled, routes::Handles};
use crate::{event::EventType, pattern::Pattern, transport::Wants};

/// What a consumer was wired to do.
#[derive(Clone, Debug)]
pub(crate) struct WiredGroup {
    pub(crate) name: Arc<str>,
    pub(crate) location: &'static Location<'static>,
    /// The events that it handles by type, and where it was said.
    pub(crate) types: Vec<(&'static EventType, &'static Location<'static>)>,
    pub(crate) patterns: Vec<Pattern>,
    /// It handles what is left, too.
    pub(crate) handles_rest: bool,
    /// What it is given.
    pub(crate) wants: Wants,
    pub(crate) workers: usize,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Retry,
}

impl Control {
    pub(crate) fn wired(&self) -> WiredGroup {
        let consumer = &self.consumer;
        let (mut types, mut patterns, mut handles_rest) = (Vec::new(), Vec::new(), false);
        for route in &consumer.routes.all {
            match &route.what {
                Handles::Type(event) => types.push((*event, route.location)),
                Handles::Pattern(pattern) => patterns.push(pattern.clone()),
                Handles::Rest => handles_rest = true,
            }
        }
        WiredGroup {
            name: Arc::clone(&consumer.name),
            location: consumer.location,
            types,
            patterns,
            handles_rest,
            wants: consumer.routes.wants(consumer.unhandled == Unhandled::Fail),
            workers: consumer.slots.len(),
            timeout: consumer.timeout,
            retry: consumer.retry.clone(),
        }
    }
}
