//! The groups that get an event, and whether they handle it.

use std::{fmt, panic::Location, sync::Arc};

use crate::{
    consumer::{Consumers, Control},
    listener::Excerpt,
};

/// A group that gets an event when it is published; see [`Explanation::groups`](super::Explanation::groups).
#[derive(Clone, Debug)]
pub struct ExplainedGroup {
    name: Arc<str>,
    condition: GroupCondition,
    handler: Option<&'static Location<'static>>,
}

/// Whether a group handles what it gets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GroupCondition {
    /// Its consumer runs.
    Running,
    /// Its consumer is paused: events wait.
    Paused,
    /// Its consumer is stalled, and reads nothing: its source has closed, its reads fail, or its runtime has gone.
    Stalled,
    /// Its consumer has stopped: events wait for another one.
    Stopped,
}

impl ExplainedGroup {
    /// Those that want events of this name and version: of consumers that run, and that have stopped.
    pub(super) fn all(consumers: &Consumers, name: &str, version: u32) -> Vec<Self> {
        let mut groups: Vec<_> = consumers
            .all()
            .iter()
            .filter(|control| control.handles(name, version))
            .map(|control| Self::of(control, name, version))
            .collect();
        groups.extend(consumers.stopped_groups_of(name, version).into_iter().map(|name| Self {
            name,
            condition: GroupCondition::Stopped,
            handler: None,
        }));
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        groups
    }

    fn of(control: &Control, name: &str, version: u32) -> Self {
        let health = control.health();
        let condition = if health.is_stalled {
            GroupCondition::Stalled
        } else if health.is_paused {
            GroupCondition::Paused
        } else {
            GroupCondition::Running
        };
        Self { name: health.group, condition, handler: control.handler_of(name, version) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it handles what it gets.
    pub fn condition(&self) -> GroupCondition {
        self.condition
    }

    /// Where its handler was given. `None` if the consumer has stopped, or has no handler for the event: that is a dead letter then.
    pub fn handler(&self) -> Option<&'static Location<'static>> {
        self.handler
    }
}

/// Prints as ``group `mailer` (src/main.rs:12): its consumer is paused, so it waits``.
impl fmt::Display for ExplainedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group `{}`", Excerpt(&self.name))?;
        if let Some(handler) = self.handler {
            write!(f, " ({}:{})", handler.file(), handler.line())?;
        }
        f.write_str(match (self.condition, self.handler) {
            (GroupCondition::Running, Some(_)) => ": handles it",
            (GroupCondition::Running, None) => ": has no handler for it, so it is a dead letter",
            (GroupCondition::Paused, _) => ": its consumer is paused, so it waits",
            (GroupCondition::Stalled, _) => ": its consumer is stalled and reads nothing, so it waits",
            (GroupCondition::Stopped, _) => ": its consumer has stopped, so it waits for another one",
        })
    }
}
