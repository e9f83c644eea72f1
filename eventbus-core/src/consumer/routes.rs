//! Which handler of a group a message goes to: one for an event type.

use std::{any::TypeId, collections::HashMap, fmt, panic::Location, sync::Arc, time::Duration};

use super::{keys::MessageKey, versions::Versions};
use crate::{
    event::EventType,
    listener::ListenerInfo,
    pattern::Pattern,
    publish::Upcast,
    transport::{Message, MessageKind, Wants},
};

/// What happens to an event that no handler of the group handles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Unhandled {
    /// The group is not given it. Where a transport gives it nevertheless, it is passed over, and counted as ignored.
    #[default]
    Ignore,
    /// The group is given every event, and those it has no handler for are dead letters at once: "unknown event type".
    Fail,
}

/// The handlers of a group.
#[derive(Default)]
pub(super) struct Routes {
    typed: HashMap<TypeId, usize>,
    /// By name and version, for messages that carry bytes.
    named: HashMap<(&'static str, u32), usize>,
    patterns: Vec<(Pattern, usize)>,
    /// For what no other handler handles.
    rest: Option<usize>,
    /// The first handler by type: of many groups the only one.
    first: Option<(TypeId, usize)>,
    pub(super) versions: Versions,
    pub(super) all: Vec<Route>,
}

/// What a handler handles, and how. Its code is with the workers.
pub(super) struct Route {
    pub(super) what: Handles,
    /// The type of its events, if it is for one.
    pub(super) kind: Option<&'static MessageKind>,
    pub(super) key: Option<MessageKey>,
    /// Of a handler of batches: how large they may be, and how long one may wait for more.
    pub(super) batch: Option<(usize, Duration)>,
    /// Whether it emits its events to the listeners of the bus.
    pub(super) to_listeners: bool,
    pub(super) location: &'static Location<'static>,
}

/// What a handler handles.
#[derive(Clone, Debug)]
pub(super) enum Handles {
    Type(&'static EventType),
    Pattern(Pattern),
    Rest,
}

impl fmt::Display for Handles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(event) => write!(f, "`{}`", event.wire_type()),
            Self::Pattern(pattern) => write!(f, "`{pattern}`"),
            Self::Rest => f.write_str("the rest"),
        }
    }
}

impl Handles {
    /// Whether an event can go to both.
    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Type(one), Self::Type(other)) => one == other,
            (Self::Type(event), Self::Pattern(pattern)) | (Self::Pattern(pattern), Self::Type(event)) => {
                pattern.matches(event.name().as_str())
            }
            (Self::Pattern(one), Self::Pattern(other)) => one.overlaps(other),
            (one, other) => matches!((one, other), (Self::Rest, Self::Rest)),
        }
    }
}

impl Routes {
    /// Adds a handler; gives back the one that handles what it handles, if there is one.
    pub(super) fn add(&mut self, route: Route) -> Result<(), (&Route, Route)> {
        if let Some(first) = self.all.iter().position(|first| first.what.overlaps(&route.what)) {
            return Err((&self.all[first], route));
        }
        let at = self.all.len();
        match &route.what {
            Handles::Type(event) => {
                self.typed.insert(event.id(), at);
                self.named.insert((event.name().as_str(), event.version()), at);
                self.first.get_or_insert((event.id(), at));
            }
            Handles::Rest => self.rest = Some(at),
            Handles::Pattern(pattern) => self.patterns.push((pattern.clone(), at)),
        }
        self.all.push(route);
        Ok(())
    }

    /// Adds the types that are read as one for which there is a handler, and have none of their own.
    pub(super) fn add_upcasts(&mut self, all: &HashMap<TypeId, Upcast>) {
        let own: Vec<_> = all.values().filter(|upcast| !self.typed.contains_key(&upcast.from.id())).collect();
        for first in own {
            let (mut steps, mut next) = (Vec::new(), Some(first));
            while let Some(upcast) = next {
                steps.push(upcast.clone());
                let route = self.typed.get(&upcast.to.id()).copied();
                if let Some(at) = route.filter(|_| !self.versions.has(upcast.to)) {
                    self.typed.insert(first.from.id(), at);
                    self.named.insert((first.from.name().as_str(), first.from.version()), at);
                    self.versions.add(steps);
                    break;
                }
                next = all.get(&upcast.to.id());
            }
        }
    }

    /// Whether the handler of a message is for the type that was published.
    pub(super) fn reads_as_published(&self, message: &Message) -> bool {
        self.versions.steps(message).is_empty()
    }

    #[inline]
    pub(super) fn find(&self, message: &Message) -> Option<usize> {
        self.find_typed(message.event_type(), message)
    }

    /// The same for a message whose [type](Message::event_type) has been looked up.
    #[inline]
    pub(super) fn find_typed(&self, event: Option<&'static EventType>, message: &Message) -> Option<usize> {
        match (event, self.first) {
            (Some(event), Some((first, at))) if event.id() == first => Some(at),
            (event, _) => self.look_up(event, message),
        }
    }

    fn look_up(&self, event: Option<&'static EventType>, message: &Message) -> Option<usize> {
        match event {
            Some(event) => self.typed.get(&event.id()).copied().or_else(|| self.find_pattern(message.name())),
            None => self.find_name(message.name(), message.version()),
        }
    }

    /// The handler of events of this name and version.
    pub(super) fn find_name(&self, name: &str, version: u32) -> Option<usize> {
        self.named.get(&(name, version)).copied().or_else(|| self.find_pattern(name))
    }

    /// The handler of what no handler of a type handles.
    fn find_pattern(&self, name: &str) -> Option<usize> {
        let by_pattern = self.patterns.iter().find(|(pattern, _)| pattern.matches(name));
        by_pattern.map(|(_, at)| *at).or(self.rest)
    }

    /// The handlers, as failures and interceptors name them.
    pub(super) fn infos(&self, group: &Arc<str>) -> Vec<ListenerInfo> {
        let info = |route: &Route| {
            let mut info = ListenerInfo::of_handler(group, None, route.location);
            match &route.what {
                Handles::Type(event) => info.event = Some(event),
                Handles::Pattern(pattern) => info.pattern = Some(pattern.clone()),
                Handles::Rest => {}
            }
            info
        };
        self.all.iter().map(info).collect()
    }

    /// What the group wants: what its handlers handle, or everything.
    pub(super) fn wants(&self, all: bool) -> Wants {
        let mut wants = Wants { all: all || self.rest.is_some(), ..Wants::default() };
        for route in &self.all {
            match &route.what {
                Handles::Type(event) => wants.types.push((event.name().as_str().into(), event.version())),
                Handles::Pattern(pattern) => wants.patterns.push(pattern.clone()),
                Handles::Rest => {}
            }
        }
        wants.types.extend(self.versions.types().map(|event| (event.name().as_str().into(), event.version())));
        wants
    }

    /// The types that are handled, older versions included.
    pub(super) fn types(&self) -> impl Iterator<Item = &'static EventType> {
        let of_handlers = self.all.iter().filter_map(|route| match route.what {
            Handles::Type(event) => Some(event),
            Handles::Pattern(_) | Handles::Rest => None,
        });
        of_handlers.chain(self.versions.types())
    }
}
