//! Warnings: what may be a mistake, told once each.
//!
//! A warning goes to the user's hook, or to stderr. It is no failure: what it warns of goes on.

use std::{collections::HashSet, fmt, panic::Location, sync::Arc, time::Duration};

use crate::{
    call::Isolated,
    event::{EventType, isolate},
    listener::{Excerpt, ListenerInfo, to_stderr},
    sync::{Mutex, lock},
};

/// Something that may be a mistake; see [`BusBuilder::on_warning`](crate::BusBuilder::on_warning). Each is told once for what it names.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Warning {
    /// An event was published that no group handles. It waits for one.
    #[non_exhaustive]
    Unrouted {
        /// The wire type of the event.
        event: String,
    },
    /// An event was emitted that nobody listens to and a group handles: groups get what is published.
    #[non_exhaustive]
    EmittedToGroup {
        /// The wire type of the event.
        event: String,
        /// A group that handles it.
        group: Arc<str>,
    },
    /// A group hands an event to the listeners of the bus, and nobody listens. Its delivery counts as handled.
    #[non_exhaustive]
    HandedToNobody {
        /// The wire type of the event.
        event: String,
        /// The group, by [`to_listeners`](crate::ConsumerBuilder::to_listeners).
        group: Arc<str>,
    },
    /// A publisher waits for room for the first time.
    #[non_exhaustive]
    WaitsForRoom {
        /// The wire type of the event.
        event: String,
        /// The group that is full.
        group: Arc<str>,
    },
    /// An event was emitted that nobody listens to. Told if [`warn_unheard`](crate::BusBuilder::warn_unheard) asks for it.
    #[non_exhaustive]
    Unheard {
        /// The wire type of the event.
        event: String,
    },
    /// An event has more listeners than [`warn_many_listeners`](crate::BusBuilder::warn_many_listeners) allows: 1,000 unless stated.
    /// Most likely listeners are registered again and again, and not switched off.
    #[non_exhaustive]
    ManyListeners {
        /// The wire type of the event; `None` for listeners by pattern.
        event: Option<String>,
        /// How many there are.
        listeners: usize,
        /// Where the newest was registered.
        newest: &'static Location<'static>,
    },
    /// A listener or a handler has held up a thread of async tasks for longer than
    /// [`warn_slow_listeners`](crate::BusBuilder::warn_slow_listeners) allows.
    #[non_exhaustive]
    SlowListener {
        /// The wire type of the event.
        event: String,
        /// The listener, or the handler.
        listener: ListenerInfo,
        /// For how long it has held up the thread.
        took: Duration,
    },
    /// A stream was read too slowly for its capacity, and has lost its first event.
    #[non_exhaustive]
    StreamLagged {
        /// The listener of the stream.
        listener: ListenerInfo,
    },
    /// The oldest message of a group has waited for longer than [`warn_old_queues`](crate::BusBuilder::warn_old_queues) allows.
    #[non_exhaustive]
    OldQueue {
        /// The group.
        group: Arc<str>,
        /// How long its oldest message has waited.
        oldest_age: Duration,
    },
    /// A consumer reads nothing any more; as [`ConsumerHealth::is_stalled`](crate::ConsumerHealth::is_stalled).
    #[non_exhaustive]
    Stalled {
        /// The group.
        group: Arc<str>,
        /// Why.
        reason: &'static str,
    },
}

/// Prints on one line what has happened, and what to do.
impl fmt::Display for Warning {
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
            Self::HandedToNobody { event, group } => write!(
                f,
                "nobody listens to `{event}`, which group `{}` hands to the listeners of this bus (`bus.on(..)`); told once \
                 for this event",
                Excerpt(group)
            ),
            Self::WaitsForRoom { event, group } => write!(
                f,
                "`publish` of `{event}` waits for room: group `{}` is full; told once for this event",
                Excerpt(group)
            ),
            Self::Unheard { event } => {
                write!(f, "`{event}` was emitted and nobody listens (`bus.on(..)`); told once for this event")
            }
            Self::ManyListeners { event, listeners, newest } => {
                match event {
                    Some(event) => write!(f, "`{event}` has {listeners} listeners")?,
                    None => write!(f, "the bus has {listeners} listeners by pattern")?,
                }
                write!(
                    f,
                    ", the newest from {}:{}: switch off those that are not needed any more (`Subscription::guard`, a \
                     scope), or allow more (`warn_many_listeners`); told once for this event",
                    newest.file(),
                    newest.line()
                )
            }
            Self::SlowListener { event, listener, took } => write!(
                f,
                "`{event}`: {listener} has held up a thread of async tasks for {took:.1?}: register it with `on_blocking`, \
                 or let it await; told once for this listener"
            ),
            Self::StreamLagged { listener } => {
                write!(f, "the stream of {listener} was read too slowly and has lost events: ")?;
                f.write_str("read faster, or give it more `capacity`, or another `overflow`; told once for this stream")
            }
            Self::OldQueue { group, oldest_age } => write!(
                f,
                "the oldest message of group `{}` has waited for {oldest_age:.1?}: more `workers`, or quicker handlers; \
                 told once for this group",
                Excerpt(group)
            ),
            Self::Stalled { group, reason } => write!(
                f,
                "the consumer of group `{}` is stalled and reads nothing: {reason}; told once for this group",
                Excerpt(group)
            ),
        }
    }
}

type Hook = Isolated<Box<dyn Fn(&Warning) + Send + Sync>>;

/// The warnings of a bus: which are wanted, where they go, and which have been told.
pub(crate) struct Warnings {
    hook: Option<Hook>,
    told: Mutex<HashSet<(Mistake, Box<str>)>>,
    /// How many listeners an event may have.
    pub(crate) many_listeners: usize,
    /// Whether events that nobody hears are told.
    pub(crate) unheard: bool,
    /// How old the oldest message of a group may become.
    pub(crate) old_queue: Option<Duration>,
}

/// What warnings are about. Each is told once for each name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Mistake {
    Unrouted,
    EmittedToGroup,
    HandedToNobody,
    WaitsForRoom,
    Unheard,
    ManyListeners,
    SlowListener,
    StreamLagged,
    OldQueue,
    Stalled,
}

impl Default for Warnings {
    fn default() -> Self {
        Self {
            hook: None,
            told: Mutex::default(),
            many_listeners: Self::MANY_LISTENERS,
            unheard: false,
            old_queue: None,
        }
    }
}

impl Warnings {
    pub(crate) const MANY_LISTENERS: usize = 1_000;

    /// How many different warnings are remembered. Names may come from outside.
    const MAX_TOLD: usize = 1024;

    pub(crate) fn set_hook(&mut self, hook: impl Fn(&Warning) + Send + Sync + 'static) {
        self.hook = Some(Isolated::new(Box::new(hook)));
    }

    /// Sets the hook unless there is one.
    #[cfg(feature = "tracing")]
    pub(crate) fn set_default_hook(&mut self, hook: impl Fn(&Warning) + Send + Sync + 'static) {
        if self.hook.is_none() {
            self.set_hook(hook);
        }
    }

    /// Tells a warning, unless it has been told of this name.
    #[cold]
    fn tell_once(&self, mistake: Mistake, name: &str, warning: impl FnOnce() -> Warning) {
        let is_new = {
            let mut told = lock(&self.told);
            told.len() < Self::MAX_TOLD && told.insert((mistake, name.into()))
        };
        if is_new {
            self.tell(&warning());
        }
    }

    fn tell(&self, warning: &Warning) {
        match &self.hook {
            Some(hook) => {
                if let Err(message) = isolate(|| (hook.get())(warning)) {
                    to_stderr(&format_args!("the hook for warnings panicked: {message}; it was to tell: {warning}"));
                }
            }
            None => to_stderr(warning),
        }
    }

    /// Looks at how many listeners there are, after one was registered; `event` is `None` for those by pattern.
    #[inline]
    pub(crate) fn count_listeners(
        &self,
        listeners: usize,
        event: Option<&'static EventType>,
        newest: &'static Location<'static>,
    ) {
        if listeners > self.many_listeners {
            let name = event.map(|event| event.wire_type().to_string());
            self.tell_once(Mistake::ManyListeners, name.as_deref().unwrap_or_default(), || Warning::ManyListeners {
                event: name.clone(),
                listeners,
                newest,
            });
        }
    }

    /// Tells that an event was emitted to which nobody listens.
    pub(crate) fn unheard(&self, event: &EventType) {
        if self.unheard {
            let event = &*event.wire_type().to_string();
            self.tell_once(Mistake::Unheard, event, || Warning::Unheard { event: event.to_owned() });
        }
    }

    /// Tells that an event was emitted to which nobody listens, and which a group handles.
    pub(crate) fn emitted_to_group(&self, event: &EventType, group: &Arc<str>) {
        let event = &*event.wire_type().to_string();
        self.tell_once(Mistake::EmittedToGroup, event, || Warning::EmittedToGroup {
            event: event.to_owned(),
            group: Arc::clone(group),
        });
    }

    /// Tells that a group hands an event to the listeners, of which there are none.
    pub(crate) fn handed_to_nobody(&self, event: &EventType, group: &Arc<str>) {
        let event = &*event.wire_type().to_string();
        self.tell_once(Mistake::HandedToNobody, event, || Warning::HandedToNobody {
            event: event.to_owned(),
            group: Arc::clone(group),
        });
    }

    pub(crate) fn unrouted(&self, event: &str) {
        self.tell_once(Mistake::Unrouted, event, || Warning::Unrouted { event: event.to_owned() });
    }

    pub(crate) fn waits_for_room(&self, event: &str, group: &Arc<str>) {
        self.tell_once(Mistake::WaitsForRoom, event, || Warning::WaitsForRoom {
            event: event.to_owned(),
            group: Arc::clone(group),
        });
    }

    pub(crate) fn slow_listener(&self, event: &str, listener: &ListenerInfo, took: Duration) {
        self.tell_once(Mistake::SlowListener, &format!("{event} {listener}"), || Warning::SlowListener {
            event: event.to_owned(),
            listener: listener.clone(),
            took,
        });
    }

    pub(crate) fn stream_lagged(&self, listener: &ListenerInfo) {
        self.tell_once(Mistake::StreamLagged, &listener.id().to_string(), || Warning::StreamLagged {
            listener: listener.clone(),
        });
    }

    pub(crate) fn old_queue(&self, group: &Arc<str>, oldest_age: Duration) {
        self.tell_once(Mistake::OldQueue, group, || Warning::OldQueue { group: Arc::clone(group), oldest_age });
    }

    pub(crate) fn stalled(&self, group: &Arc<str>, reason: &'static str) {
        self.tell_once(Mistake::Stalled, group, || Warning::Stalled { group: Arc::clone(group), reason });
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Mutex, Warnings, lock};

    #[test]
    fn a_bus_remembers_so_many_warnings_and_tells_no_others() {
        let told = Arc::new(Mutex::new(0));
        let mut warnings = Warnings::default();
        let count = Arc::clone(&told);
        warnings.set_hook(move |_| *lock(&count) += 1);
        for name in 0..Warnings::MAX_TOLD + 2 {
            warnings.unrouted(&name.to_string());
            warnings.unrouted(&name.to_string());
        }
        assert_eq!(*lock(&told), Warnings::MAX_TOLD);
    }
}
