//! Dead letters: deliveries that have failed for the last time.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use super::{AttemptError, Message, Publishing, Refused};
use crate::{
    emission::Bus,
    event::isolate,
    event::{Event, EventName},
    sync::{Mutex, lock},
};

/// A delivery that has failed for the last time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The identity of this dead letter on its bus; later ones have larger ids.
    pub id: u64,
    /// The group in which it failed. Other groups got the message for themselves.
    pub group: Arc<str>,
    /// The message, with the event.
    pub message: Message,
    /// How the last attempt went wrong.
    pub error: AttemptError,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the first attempt failed that this process made.
    pub first_failed: SystemTime,
    /// When the last attempt failed.
    pub last_failed: SystemTime,
}

/// Prints on one line, without the event's content.
impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, message, error, attempts, .. } = self;
        let s = if *attempts == 1 { "" } else { "s" };
        write!(f, "{} {} in group `{group}` failed {attempts} time{s}: {error}", message.wire_type(), message.id())
    }
}

/// Emitted on the bus when a delivery of an `E` has become a dead letter.
///
/// Listen to one event's with `bus.on::<Failed<UserCreated>>(..)`, to all by name: `bus.on_name("delivery.failed", ..)`.
/// It is emitted in a task of its own, for messages that carry the event itself. Of an event that was published by name, a handler
/// of its type must have failed.
///
/// `Debug` shows the letter, and not the event: it is not asked for `Debug`, and may hold what logs must not.
#[non_exhaustive]
pub struct Failed<E> {
    /// The event.
    pub event: Arc<E>,
    /// What became of its delivery.
    pub letter: DeadLetter,
}

impl<E> fmt::Debug for Failed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed").field("letter", &self.letter).finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl<E: Event> Event for Failed<E> {
    const NAME: EventName = EventName::new("delivery.failed");
    const DOCS: &'static str = "A delivery has failed for the last time.";
    const SHARES_NAME: bool = true;
}

/// The dead letters of a bus, the newest of them.
pub(super) struct DeadStore {
    letters: Mutex<VecDeque<DeadLetter>>,
    capacity: usize,
    last_id: AtomicU64,
    evicted: AtomicU64,
}

impl DeadStore {
    pub(super) fn new(capacity: usize) -> Self {
        let (letters, last_id, evicted) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        Self { letters, capacity, last_id, evicted }
    }

    pub(super) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn push(&self, letter: DeadLetter) {
        let evicted = {
            let mut letters = lock(&self.letters);
            // One that is put back goes where it was.
            let at = letters.partition_point(|other| other.id < letter.id);
            letters.insert(at, letter);
            if letters.len() > self.capacity { letters.pop_front() } else { None }
        };
        if evicted.is_some() {
            self.evicted.fetch_add(1, Ordering::Relaxed);
        }
        // Its event is foreign code.
        let _ = isolate(|| drop(evicted));
    }

    fn take(&self, id: u64) -> Option<DeadLetter> {
        let mut letters = lock(&self.letters);
        let at = letters.iter().position(|letter| letter.id == id)?;
        letters.remove(at)
    }

    fn list(&self) -> Vec<DeadLetter> {
        lock(&self.letters).iter().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.letters).len()
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}

/// A dead letter that is being replayed; put back unless that has gone well.
struct Away<'b> {
    store: &'b DeadStore,
    letter: Option<DeadLetter>,
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        if let Some(letter) = self.letter.take() {
            self.store.push(letter);
        }
    }
}

impl Bus {
    /// The deliveries that have failed for the last time.
    ///
    /// The newest are kept, 1,024 unless [`dead_letters`](crate::BusBuilder::dead_letters) says otherwise; `bus.stats()` counts
    /// all.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, ReplayError};
    /// # async fn replay(bus: &Bus) -> Result<(), ReplayError> {
    /// for letter in bus.dead_letters().list() {
    ///     println!("{letter}");
    ///     bus.dead_letters().replay(letter.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn dead_letters(&self) -> DeadLetters<'_> {
        DeadLetters(self.publishing())
    }
}

/// The dead letters of a bus; see [`Bus::dead_letters`](crate::Bus::dead_letters).
pub struct DeadLetters<'b>(&'b Publishing);

impl DeadLetters<'_> {
    /// All that are kept, the oldest first.
    pub fn list(&self) -> Vec<DeadLetter> {
        self.0.dead.list()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.dead.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Delivers the message once more to the group in which it failed, and only to that. Its attempts count from 1.
    ///
    /// # Errors
    ///
    /// [`ReplayError`]; the dead letter is then put back, as if it had never been away. Newer ones may have taken its room meanwhile
    /// ([`dead_letters`](crate::BusBuilder::dead_letters)): then it is evicted, and counted so.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future puts the dead letter back, too. A transport that waits may have the message by then: it may be delivered,
    /// and be a dead letter still. The memory transport does not wait.
    pub async fn replay(&self, id: u64) -> Result<(), ReplayError> {
        let Some(letter) = self.0.dead.take(id) else { return Err(ReplayError::Unknown { id }) };
        let (group, message) = (Arc::clone(&letter.group), letter.message.clone());
        let mut away = Away { store: &self.0.dead, letter: Some(letter) };
        let requeued = self.0.transport.requeue(&group, message).await;
        let Err(refused) = requeued else {
            let letter = away.letter.take();
            // Its event is foreign code.
            let _ = isolate(|| drop(letter));
            return Ok(());
        };
        drop(away);
        Err(match refused {
            Refused::Full { .. } => ReplayError::Full { id, group },
            _ => ReplayError::Refused { id, group },
        })
    }

    /// Forgets one, and hands it out.
    pub fn discard(&self, id: u64) -> Option<DeadLetter> {
        self.0.dead.take(id)
    }
}

impl fmt::Debug for DeadLetters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

/// An error returned by [`DeadLetters::replay`]. The dead letter has been put back, if there was one and there is room.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no such dead letter: it has been replayed, discarded, or has made room for a newer one.
    #[error("there is no dead letter {id}: it has been replayed, discarded, or has made room for newer ones")]
    Unknown {
        /// The id.
        id: u64,
    },
    /// The group's queue is full.
    #[error("dead letter {id} was not replayed: the queue of group `{group}` is full; replay it later")]
    Full {
        /// The id.
        id: u64,
        /// The group.
        group: Arc<str>,
    },
    /// The transport does not take it: the bus has shut down, or the group is gone.
    #[error("dead letter {id} was not replayed: the transport does not take it for group `{group}`")]
    Refused {
        /// The id.
        id: u64,
        /// The group.
        group: Arc<str>,
    },
}
