//! What is known of a listener: its id, its name, its place in the source, its options.

use std::{
    fmt,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::Excerpt;
use crate::{event::EventType, pattern::Pattern};

/// The identity of a listener, unique in the process. Later registrations have larger ids.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId(u64);

impl ListenerId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The id as a number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Display for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// How a listener runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ListenerKind {
    /// On the emitting thread, before all others: `on`.
    Sync,
    /// Inside the emitting task: `on_async`.
    Async,
    /// In a task of its own: `spawned().on_async`.
    Spawned,
    /// On a thread that may block: `on_blocking`.
    Blocking,
    /// As its listeners do: a module. Said by the subscription that [`Bus::register`](crate::Bus::register) gives, by no
    /// listener.
    Module,
    /// A handler of a consumer. Said by the failure of an attempt, by no listener.
    Handler,
}

impl ListenerKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Async => "async",
            Self::Spawned => "spawned",
            Self::Blocking => "blocking",
            Self::Module => "module",
            Self::Handler => "handler",
        }
    }
}

/// The identity and the options of a listener: what reports, the failure hook and [`Bus::listener_infos`](crate::Bus::listener_infos) say of it.
///
/// Of its names 128 bytes are printed.
#[derive(Clone)]
pub struct ListenerInfo {
    pub(crate) id: ListenerId,
    pub(crate) kind: ListenerKind,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) event: Option<&'static EventType>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) priority: i32,
    pub(crate) once: bool,
    pub(crate) filtered: bool,
    pub(crate) scope: Option<Arc<str>>,
    pub(crate) location: &'static Location<'static>,
}

impl ListenerInfo {
    /// A handler of a consumer group, as a failed attempt names it.
    pub(crate) fn of_handler(
        group: &Arc<str>,
        event: Option<&'static EventType>,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            id: ListenerId(0),
            kind: ListenerKind::Handler,
            name: Some(Arc::clone(group)),
            event,
            pattern: None,
            priority: 0,
            once: false,
            filtered: false,
            scope: None,
            location,
        }
    }

    /// Its id.
    pub fn id(&self) -> ListenerId {
        self.id
    }

    /// How it runs.
    pub fn kind(&self) -> ListenerKind {
        self.kind
    }

    /// The name that its registration gave it with `named`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The event that it listens to, if it listens to a type.
    pub fn event(&self) -> Option<&'static EventType> {
        self.event
    }

    /// The names that it listens to, if it listens by pattern.
    pub fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// Its priority: larger ones run first, 0 unless stated.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// Whether it runs once and is then gone. As long as it is registered, it has not run.
    pub fn is_once(&self) -> bool {
        self.once
    }

    /// Whether it has a filter, which is asked before each call.
    pub fn is_filtered(&self) -> bool {
        self.filtered
    }

    /// The name of the scope it was registered through.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Where it was registered.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Debug for ListenerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerInfo")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("name", &self.name().map(Excerpt))
            .field("event", &self.event)
            .field("pattern", &self.pattern)
            .field("priority", &self.priority)
            .field("once", &self.once)
            .field("filtered", &self.filtered)
            .field("scope", &self.scope().map(Excerpt))
            .field("location", &self.location)
            .finish()
    }
}

/// Prints as ``listener `invoice` (src/main.rs:12)``, or with the id where it has no name.
impl fmt::Display for ListenerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ListenerKind::Module => "module",
            ListenerKind::Handler => "handler of group",
            _ => "listener",
        };
        match &self.name {
            Some(name) => write!(f, "{what} `{}`", Excerpt(name))?,
            None => write!(f, "{what} {}", self.id)?,
        }
        write!(f, " ({}:{})", self.location.file(), self.location.line())
    }
}
