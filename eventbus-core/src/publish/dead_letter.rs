//! Dead letters: deliveries that have failed for the last time; and those that the bus keeps.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use super::AttemptError;
use crate::{
    event::isolate,
    sync::{Mutex, lock},
    transport::{Letter, LetterId, Message},
};

/// A delivery that has failed for the last time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The identity of this dead letter in its bus, or in its transport where that keeps dead letters. Such a transport tells it when
    /// letters are listed: it is empty in what the hook and the listeners of [`Failed`](super::Failed) hear.
    pub id: LetterId,
    /// The group in which it failed. Other groups got the message for themselves.
    pub group: Arc<str>,
    /// The message, with the event.
    pub message: Message,
    /// How the last attempt went wrong.
    pub error: AttemptError,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the first attempt failed that is known of.
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

impl DeadLetter {
    /// A letter that a transport has kept.
    pub(crate) fn of(letter: Letter) -> Self {
        let Letter { id, group, message, reason, attempts, failed_at } = letter;
        let error = AttemptError::Recorded(reason);
        Self { id, group, message, error, attempts, first_failed: failed_at, last_failed: failed_at }
    }
}

/// Dead letters, oldest first, as many as the bus keeps.
pub(crate) struct DeadStore {
    letters: Mutex<Letters>,
    capacity: usize,
    max_bytes: usize,
    last_id: AtomicU64,
    evicted: AtomicU64,
}

#[derive(Default)]
struct Letters {
    all: VecDeque<(u64, DeadLetter)>,
    bytes: usize,
}

impl DeadStore {
    pub(crate) fn new(capacity: usize, max_bytes: usize) -> Self {
        let (letters, last_id, evicted) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        Self { letters, capacity, max_bytes, last_id, evicted }
    }

    pub(crate) fn next_id(&self) -> LetterId {
        LetterId::new(&(self.last_id.fetch_add(1, Ordering::Relaxed) + 1).to_string())
    }

    pub(crate) fn push(&self, letter: DeadLetter) {
        let Some(number) = number_of(&letter.id) else { return };
        let mut evicted = Vec::new();
        {
            let Letters { all, bytes } = &mut *lock(&self.letters);
            // One that is put back goes where it was.
            let at = all.partition_point(|(other, _)| *other < number);
            *bytes += letter.message.counted_bytes();
            all.insert(at, (number, letter));
            while all.len() > self.capacity || *bytes > self.max_bytes && !all.is_empty() {
                let Some((_, oldest)) = all.pop_front() else { break };
                *bytes -= oldest.message.counted_bytes();
                evicted.push(oldest);
            }
        }
        self.evicted.fetch_add(evicted.len() as u64, Ordering::Relaxed);
        for letter in evicted {
            // Its event is foreign code.
            let _ = isolate(|| drop(letter));
        }
    }

    pub(crate) fn take(&self, id: &LetterId) -> Option<DeadLetter> {
        let number = number_of(id)?;
        let Letters { all, bytes } = &mut *lock(&self.letters);
        let at = all.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        let (_, letter) = all.remove(at)?;
        *bytes -= letter.message.counted_bytes();
        Some(letter)
    }

    /// Those after a number, at most `limit`.
    pub(crate) fn page(&self, group: Option<&str>, after: u64, limit: usize) -> Vec<DeadLetter> {
        let letters = lock(&self.letters);
        let is_asked = |(number, letter): &&(u64, DeadLetter)| {
            *number > after && group.is_none_or(|group| *letter.group == *group)
        };
        letters.all.iter().filter(is_asked).take(limit).map(|(_, letter)| letter.clone()).collect()
    }

    /// How many have made room for newer ones.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }
}

pub(crate) fn number_of(id: &LetterId) -> Option<u64> {
    id.as_str().parse().ok()
}
