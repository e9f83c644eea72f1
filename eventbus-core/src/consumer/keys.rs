//! Keys, by which the order of deliveries is kept.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::LazyLock,
};

use super::{content::event_of, versions::Versions};
use crate::{call::Isolated, event::Event, transport::Message};

/// Tells the key of a message by its event, as its hash; nothing if the event cannot be read.
pub(super) type MessageKey = Isolated<Box<dyn Fn(&Message, &Versions) -> Option<u64> + Send + Sync>>;

/// A function that computes the key of an event: deliveries with the same key are handled one after the other.
pub trait KeyFn<E>: Fn(&E) -> Self::Key + Send + Sync + 'static {
    /// The key.
    type Key: Hash;
}

impl<E, K: Hash, F: Fn(&E) -> K + Send + Sync + 'static> KeyFn<E> for F {
    type Key = K;
}

/// Two keys with one hash are kept in one order, which is more than was asked for, and no harm.
fn hash(key: &impl Hash) -> u64 {
    static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    STATE.hash_one(key)
}

pub(super) fn key_of<E: Event>(tell: impl KeyFn<E>) -> MessageKey {
    // A message in bytes is read once more, when it is handled: the key must be known before.
    Isolated::new(Box::new(move |message, versions| {
        event_of::<E>(message, versions).ok().map(|event| hash(&tell(&event)))
    }))
}

/// The key that the message itself has.
pub(super) fn key_of_message(message: &Message) -> Option<u64> {
    message.key().map(|key| hash(&key))
}
