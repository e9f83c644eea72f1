//! What publishing tells besides its results: errors of the transport, and warnings.

use std::sync::Arc;

use super::{ledger::Count, unrouted::UnroutedEvents};
use crate::{
    call::Isolated,
    emission::Warnings,
    event::isolate,
    listener::{BoxError, to_stderr},
    transport::{Message, Operation, ReportSink, TransportError},
};

type TransportHook = Isolated<Box<dyn Fn(&TransportError) + Send + Sync>>;

/// Where errors of the transport and warnings go.
#[derive(Default)]
pub(crate) struct Notices {
    transport_hook: Option<TransportHook>,
    pub(crate) warnings: Arc<Warnings>,
    pub(crate) transport_errors: Count,
    pub(crate) unrouted: UnroutedEvents,
}

impl Notices {
    pub(crate) fn set_transport_hook(&mut self, hook: impl Fn(&TransportError) + Send + Sync + 'static) {
        self.transport_hook = Some(Isolated::new(Box::new(hook)));
    }

    /// Sets the hook for errors unless there is one.
    #[cfg(feature = "tracing")]
    pub(crate) fn set_default_hook(&mut self, errors: impl Fn(&TransportError) + Send + Sync + 'static) {
        if self.transport_hook.is_none() {
            self.set_transport_hook(errors);
        }
    }

    /// The same, with the warnings of the bus.
    pub(super) fn with_warnings(self, warnings: &Arc<Warnings>) -> Self {
        Self { warnings: Arc::clone(warnings), ..self }
    }

    /// Tells an error of the transport.
    pub(crate) fn error(&self, operation: Operation, group: Option<&Arc<str>>, error: impl Into<BoxError>) {
        self.transport_error(TransportError::new(operation, group.cloned(), error.into()));
    }

    pub(crate) fn waits_for_room(&self, message: &Message, group: &Arc<str>) {
        self.warnings.waits_for_room(&message.wire_type().to_string(), group);
    }
}

impl ReportSink for Notices {
    fn transport_error(&self, error: TransportError) {
        self.transport_errors.add(1);
        match &self.transport_hook {
            Some(hook) => {
                if let Err(message) = isolate(|| (hook.get())(&error)) {
                    to_stderr(&format_args!("the transport hook panicked: {message}; it was to tell: {error}"));
                }
            }
            None => to_stderr(&error),
        }
        // The drop of an error is foreign code.
        let _ = isolate(|| drop(error));
    }

    fn unrouted_dropped(&self, message: &Message) {
        self.unrouted.dropped(&message.wire_type().to_string());
    }

    fn unrouted(&self, message: &Message) {
        let event = message.wire_type().to_string();
        self.unrouted.published(&event);
        self.warnings.unrouted(&event);
    }
}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use super::*;
    use crate::sync::{Mutex, lock};

    #[test]
    fn errors_go_to_the_default_hook_unless_there_is_another() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hook = |name| {
            let told = Arc::clone(&told);
            move |error: &TransportError| lock(&told).push(format!("{name}: {}", error.error()))
        };
        let mut notices = Notices::default();
        notices.set_default_hook(hook("default"));
        notices.error(Operation::Publish, None, "one");
        let mut notices = Notices::default();
        notices.set_transport_hook(hook("own"));
        notices.set_default_hook(hook("default"));
        notices.error(Operation::Publish, None, "two");
        assert_eq!(*lock(&told), ["default: one", "own: two"]);
    }
}
