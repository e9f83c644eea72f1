//! Consumer groups as a transport sees them.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{Message, Ordering};
use crate::pattern::Pattern;

/// A group, as [`Transport::subscribe`](super::Transport::subscribe) gets it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GroupSpec {
    /// The group's name.
    pub name: Arc<str>,
    /// What the group handles.
    pub wants: Wants,
    /// How many messages may wait in it; `None` leaves it to the transport.
    pub max_events: Option<usize>,
    /// How many bytes may wait in it; `None` sets no bound.
    pub max_bytes: Option<usize>,
    /// How many messages with one key may wait in it; `None` sets no bound.
    pub max_per_key: Option<usize>,
    /// What happens at those bounds; `None` leaves it to the transport.
    pub overflow: Option<Overflow>,
    /// Where a group begins that this call makes.
    pub start: Start,
    /// The order that the consumer's keys need.
    pub ordering: Ordering,
    /// How many workers share the source.
    pub workers: usize,
}

impl GroupSpec {
    /// A group with one worker that wants every message; its bounds are left to the transport.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            wants: Wants::all(),
            max_events: None,
            max_bytes: None,
            max_per_key: None,
            overflow: None,
            start: Start::Now,
            ordering: Ordering::None,
            workers: 1,
        }
    }
}

/// Which messages a group wants: names with their version, patterns, or all.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Wants {
    /// Every message.
    pub all: bool,
    /// Event names, each with its version.
    pub types: Vec<(Box<str>, u32)>,
    /// Patterns of event names; they match every version.
    pub patterns: Vec<Pattern>,
}

impl Wants {
    /// Wants every message.
    pub fn all() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// Whether the group wants a message. It always wants what cannot be read, which ends as a dead letter.
    pub fn includes(&self, message: &Message) -> bool {
        message.is_malformed() || self.includes_type(message.name(), message.version())
    }

    /// Whether the group wants events of this name and version.
    pub fn includes_type(&self, name: &str, version: u32) -> bool {
        self.all
            || self.types.iter().any(|(own, of)| **own == *name && *of == version)
            || self.patterns.iter().any(|pattern| pattern.matches(name))
    }
}

/// What happens to a message that finds a group full.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// `publish` waits for room, `try_publish` hands the event back.
    #[default]
    Wait,
    /// Both hand the event back at once.
    Fail,
    /// The oldest message of the group is dropped and counted.
    DropOldest,
    /// The new message does not come into the group and is counted.
    DropNewest,
}

/// Where a new group begins to read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Start {
    /// With what is published from now on. [`Memory`](crate::Memory) adds what no group has wanted yet; others may.
    #[default]
    Now,
    /// With the oldest message that the transport still has. Needs [`Capabilities::replay`](super::Capabilities::replay).
    Oldest,
    /// With the first message from this time on. Needs [`Capabilities::replay`](super::Capabilities::replay).
    At(SystemTime),
}

/// What a transport knows of a group; `None` where it cannot tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct GroupState {
    /// The group's name.
    pub name: Arc<str>,
    /// Messages that wait and could be handed out now.
    pub depth: Option<u64>,
    /// Messages that wait and are not due yet.
    pub delayed: u64,
    /// When the first of those is due.
    pub next_due: Option<SystemTime>,
    /// Messages that are handed out and not settled.
    pub leased: Option<u64>,
    /// How long the oldest message has waited, of those that wait and could be handed out now.
    pub oldest_age: Option<Duration>,
    /// Messages that the group was given, as long as this process has run. `None` where other processes share the group, or it
    /// outlives this one.
    pub created: Option<u64>,
    /// Messages that its [`Overflow`] policy has dropped.
    pub dropped: u64,
    /// Messages of a shared stream that the group does not want.
    pub skipped: u64,
    /// Messages that were removed from a bounded stream before the group has read them.
    pub trimmed: Option<u64>,
}

impl GroupState {
    /// A group of which nothing else is known.
    pub fn new(name: Arc<str>) -> Self {
        Self { name, ..Self::default() }
    }
}

/// What [`Transport::remove_group`](super::Transport::remove_group) returns as its error for a group that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no such group")]
pub struct NoSuchGroup;
