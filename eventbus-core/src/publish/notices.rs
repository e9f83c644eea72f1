//! What publishing tells besides its results: errors of the transport, and what may be a mistake, once each.

use std::{collections::HashSet, fmt, sync::Arc};

use super::{ledger::Count, unrouted::UnroutedEvents};
use crate::{
    call::Isolated,
    event::{EventType, isolate},
    listener::{BoxError, Excerpt, to_stderr},
    sync::{Mutex, lock},
    transport::{Message, Operation, ReportSink, TransportError},
};

type TransportHook = Isolated<Box<dyn Fn(&TransportError) + Send + Sync>>;
type NoticeHook = Isolated<Box<dyn Fn(&Notice) + Send + Sync>>;

/// Something that may be a mistake in how publishing is wired; see [`BusBuilder::on_notice`](crate::BusBuilder::on_notice).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// An event was published that no group handles. It waits for one. Told once for each event.
    #[non_exhaustive]
    Unrouted {
        /// The wire type of the event.
        event: String,
    },
    /// An event was emitted that nobody listens to and a group handles: groups get what is published. Told once for each event.
    #[non_exhaustive]
    EmittedToGroup {
        /// The wire type of the event.
        event: String,
        /// A group that handles it.
        group: Arc<str>,
    },
    /// A publisher waits for room for the first time. Told once for each event.
    #[non_exhaustive]
    WaitsForRoom {
        /// The wire type of the event.
        event: String,
        /// The group that is full.
        group: Arc<str>,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unrouted { event } => write!(
                f,
                "`{event}` was published and no group handles it: it waits for one (`bus.consumer(..)`); told once for this \
                 event"
            ),
            Self::EmittedToGroup { event, group } => write!(
                f,
                "`{event}` was emitted and nobody listens, but group `{}` handles it: groups get what is published \
                 (`bus.publish(..)`); told once for this event",
                Excerpt(group)
            ),
            Self::WaitsForRoom { event, group } => write!(
                f,
                "`publish` of `{event}` waits for room: group `{}` is full; told once for this event",
                Excerpt(group)
            ),
        }
    }
}

/// Where errors and notices go.
#[derive(Default)]
pub(crate) struct Notices {
    transport_hook: Option<TransportHook>,
    notice_hook: Option<NoticeHook>,
    told: Mutex<HashSet<(Mistake, Box<str>)>>,
    pub(crate) transport_errors: Count,
    pub(crate) unrouted: UnroutedEvents,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mistake {
    Unrouted,
    EmittedToGroup,
    WaitsForRoom,
}

impl Notices {
    /// How many different events are remembered. Names may come from outside.
    const MAX_TOLD: usize = 1024;

    pub(crate) fn set_transport_hook(&mut self, hook: impl Fn(&TransportError) + Send + Sync + 'static) {
        self.transport_hook = Some(Isolated::new(Box::new(hook)));
    }

    pub(crate) fn set_notice_hook(&mut self, hook: impl Fn(&Notice) + Send + Sync + 'static) {
        self.notice_hook = Some(Isolated::new(Box::new(hook)));
    }

    /// Sets those of the hooks that are not set.
    #[cfg(feature = "tracing")]
    pub(crate) fn set_default_hooks(
        &mut self,
        errors: impl Fn(&TransportError) + Send + Sync + 'static,
        notices: impl Fn(&Notice) + Send + Sync + 'static,
    ) {
        if self.transport_hook.is_none() {
            self.set_transport_hook(errors);
        }
        if self.notice_hook.is_none() {
            self.set_notice_hook(notices);
        }
    }

    /// Tells an error of the transport.
    pub(crate) fn error(&self, operation: Operation, group: Option<&Arc<str>>, error: impl Into<BoxError>) {
        self.transport_error(TransportError::new(operation, group.cloned(), error.into()));
    }

    pub(crate) fn waits_for_room(&self, message: &Message, group: &Arc<str>) {
        let event = message.wire_type().to_string();
        if self.is_new(Mistake::WaitsForRoom, &event) {
            self.tell(&Notice::WaitsForRoom { event, group: Arc::clone(group) });
        }
    }

    pub(crate) fn emitted(&self, event: &EventType, group: &Arc<str>) {
        let event = event.wire_type().to_string();
        if self.is_new(Mistake::EmittedToGroup, &event) {
            self.tell(&Notice::EmittedToGroup { event, group: Arc::clone(group) });
        }
    }

    fn is_new(&self, mistake: Mistake, event: &str) -> bool {
        let mut told = lock(&self.told);
        told.len() < Self::MAX_TOLD && told.insert((mistake, event.into()))
    }

    fn tell(&self, notice: &Notice) {
        match &self.notice_hook {
            Some(hook) => {
                if let Err(message) = isolate(|| (hook.get())(notice)) {
                    to_stderr(&format_args!("the notice hook panicked: {message}; it was to tell: {notice}"));
                }
            }
            None => to_stderr(notice),
        }
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
        if self.is_new(Mistake::Unrouted, &event) {
            self.tell(&Notice::Unrouted { event });
        }
    }
}
