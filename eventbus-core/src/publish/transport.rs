//! What carries published events: the interface that the memory transport, and those of others, implement.
//!
//! A transport speaks messages and leases. It knows nothing of handlers, retries, rates and deadlines: consumers do all
//! that, the same way for every transport.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use super::{Capabilities, Message};
use crate::listener::{BoxError, ErrorText};

/// A future in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries published events to consumer groups.
///
/// Each group gets every message; each message goes to one worker of the group. A group exists from the first
/// [`subscribe`](Self::subscribe) on, whether or not somebody reads it. What is published before there is any group is kept
/// for the first one.
///
/// # Implementing
///
/// - **An `Ok` for a message is a promise**: it will reach every group, as durably as
///   [`Capabilities::durability`] says. Whatever else happens is a [`Refused`], which hands the message back, or says that
///   nobody knows.
/// - **A message that has been handed out is leased**, until it is [`settle`](Source::settle)d. What is not settled when its
///   [`Source`] is dropped, or its process dies, is delivered again, with a greater attempt.
/// - **At the bound** the policy of the group decides ([`Overflow`]); [`Refused::Full`] says whether waiting helps, and
///   [`ready`](Self::ready) waits.
/// - A transport that needs codecs is sent messages with their events in bytes, and may keep them. Any other one keeps no handle of a
///   message that it refuses, or whose publishing is dropped: the event in it is handed back.
/// - Nothing here is called while a lock of the bus is held, and no method may block the thread.
/// - Futures may be dropped at any time: a message that was given to a [`publish`](Self::publish) that is dropped may or may not
///   be published.
pub trait Transport: Send + Sync + 'static {
    /// What it can do. Asked when consumers are wired and events are published; constant.
    fn capabilities(&self) -> Capabilities;

    /// Takes a message without waiting.
    ///
    /// A transport that cannot tell at once answers [`Refused::WouldWait`], as it does unless this is overridden;
    /// [`publish`](Self::publish) is called then.
    ///
    /// # Errors
    ///
    /// [`Refused`], with the message.
    fn try_publish(&self, message: Message) -> Result<(), Refused> {
        Err(Refused::WouldWait(message))
    }

    /// Takes messages; a result for each, in their order. Does not wait for room.
    fn publish(&self, batch: Vec<Message>) -> BoxFuture<'_, Vec<Result<(), Refused>>>;

    /// Waits until it is worth trying again what was [`Refused::Full`]. May wake too often, never too seldom.
    fn ready(&self) -> BoxFuture<'_, ()>;

    /// Opens a group for reading, and makes it if there is none of that name.
    fn subscribe(&self, group: Group) -> BoxFuture<'_, Result<Arc<dyn Source>, BoxError>>;

    /// Delivers a message to one group again: the replay of a dead letter. Its attempts count from 1.
    fn requeue(&self, group: &str, message: Message) -> BoxFuture<'_, Result<(), Refused>>;

    /// What it knows of its groups, by name.
    fn groups(&self) -> Vec<GroupState>;

    /// Ends it: nothing is taken any more, and [`Source::next`] gives nothing any more. A transport that keeps messages for this
    /// process only hands back those that are left, with their group; `None` stands for one that came before any group.
    fn close(&self, deadline: Duration) -> BoxFuture<'_, Vec<(Option<Arc<str>>, Message)>>;
}

/// One reader of a group.
pub trait Source: Send + Sync + 'static {
    /// Waits for messages and leases up to `max` of them, in the order of the group. Empty when the transport is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what it may have leased is delivered again.
    fn next(&self, max: usize) -> BoxFuture<'_, Result<Vec<Leased>, BoxError>>;

    /// Ends leases. Those that are unknown or have run out are passed over.
    ///
    /// A transport that needs no wait does it before it returns the future, and `None` stands for a future that is ready.
    fn settle(&self, leases: Vec<(LeaseId, Settle)>) -> Option<BoxFuture<'static, Result<(), BoxError>>>;

    /// Keeps leases from running out. Called for all that are held, three times in [`Capabilities::lease`].
    fn extend(&self, leases: &[LeaseId]) -> BoxFuture<'static, Result<(), BoxError>> {
        let _ = leases;
        Box::pin(async { Ok(()) })
    }
}

/// A group, as [`Transport::subscribe`] gets it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// How many messages may wait in it; `None` leaves it to the transport.
    pub capacity: Option<usize>,
    /// What happens when that many wait; `None` leaves it to the transport.
    pub overflow: Option<Overflow>,
}

impl Group {
    /// A group whose bounds are left to the transport.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), capacity: None, overflow: None }
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
    /// The oldest message of the group is dropped, and counted.
    DropOldest,
    /// The new message does not come into the group, and is counted.
    DropNewest,
}

/// A message that has been handed out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Leased {
    /// The message.
    pub message: Message,
    /// How often it has been handed out to this group, this time included: from 1.
    pub attempt: u32,
    /// By which it is settled; unique among those that its source has handed out and are not settled.
    pub lease: LeaseId,
}

impl Leased {
    /// A message that is handed out.
    pub fn new(message: Message, attempt: u32, lease: LeaseId) -> Self {
        Self { message, attempt, lease }
    }
}

/// A lease of a [`Source`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LeaseId(pub u64);

/// How a lease ends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Settle {
    /// The message has been dealt with.
    Ack,
    /// The message is to be delivered again.
    Nack {
        /// Not before this time has passed.
        after: Duration,
        /// How many attempts have been made; the next one is one more.
        attempts: u32,
    },
    /// The message has failed for the last time. The bus keeps dead letters itself; a durable transport keeps them, too.
    Dead {
        /// Why.
        reason: Arc<str>,
        /// How many attempts have been made.
        attempts: u32,
    },
}

/// What a transport knows of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct GroupState {
    /// The group's name.
    pub name: Arc<str>,
    /// How many messages wait, those not counted that are leased; `None` if it cannot tell.
    pub depth: Option<u64>,
    /// How many messages the group was given; `None` if it cannot tell.
    pub created: Option<u64>,
    /// How many of them its [`Overflow`] policy has dropped.
    pub dropped: u64,
}

impl GroupState {
    /// A group of which nothing is known.
    pub fn new(name: Arc<str>) -> Self {
        Self { name, depth: None, created: None, dropped: 0 }
    }
}

/// Why a transport does not take a message. It hands the message back.
///
/// **It is the only handle.** The event in the message belongs to who publishes it, by value: a transport that carries events as
/// they are keeps no clone of a message that it refuses, or whose publishing is dropped. If it does, the publishing panics. Of
/// what is handed over in bytes ([`Capabilities::needs_codec`]) it may keep clones.
#[non_exhaustive]
pub enum Refused {
    /// There is no room.
    Full {
        /// The message.
        message: Message,
        /// Whether waiting is meant to help: not, if a group's policy is to fail.
        wait: bool,
    },
    /// It cannot tell without waiting.
    WouldWait(Message),
    /// It is closed.
    Closed(Message),
    /// The event cannot be written.
    Unwritable(Message, BoxError),
    /// The event is too large.
    TooLarge {
        /// The message.
        message: Message,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// It was sent, and no answer came: nobody knows.
    Unknown(Message, BoxError),
}

impl Refused {
    /// The message.
    pub fn into_message(self) -> Message {
        match self {
            Self::Full { message, .. }
            | Self::TooLarge { message, .. }
            | Self::WouldWait(message)
            | Self::Closed(message)
            | Self::Unwritable(message, _)
            | Self::Unknown(message, _) => message,
        }
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { message, wait } => {
                f.debug_struct("Full").field("message", message).field("wait", wait).finish()
            }
            Self::WouldWait(message) => f.debug_tuple("WouldWait").field(message).finish(),
            Self::Closed(message) => f.debug_tuple("Closed").field(message).finish(),
            Self::Unwritable(message, error) => {
                f.debug_tuple("Unwritable").field(message).field(&ErrorText::with_sources(&**error)).finish()
            }
            Self::TooLarge { message, size, limit } => {
                f.debug_struct("TooLarge").field("message", message).field("size", size).field("limit", limit).finish()
            }
            Self::Unknown(message, error) => {
                f.debug_tuple("Unknown").field(message).field(&ErrorText::with_sources(&**error)).finish()
            }
        }
    }
}

impl fmt::Debug for dyn Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("capabilities", &self.capabilities()).finish_non_exhaustive()
    }
}
