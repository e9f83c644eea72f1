//! Deliveries that a group could not handle, while other groups may still have them; and how a message tells its line.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use eventbus::{
    dead_letter::DeadLetter,
    transport::{Message, MessageId},
};

use crate::bounded;

/// The lowest bits of a message's id: a name's number.
const NAME_BITS: u32 = 10;

/// Above them: the line.
const LINE_BITS: u32 = 48;

/// The ids of messages. They hold the line and the number of the delivery's name, so that nothing need be kept for a message that
/// is under way.
pub(crate) struct Ids {
    /// What all have in common: the other bits.
    base: u128,
    names: HashMap<String, u128>,
}

impl Ids {
    pub(crate) fn new() -> Self {
        let base = MessageId::new().as_u128() >> (NAME_BITS + LINE_BITS) << (NAME_BITS + LINE_BITS);
        Self { base, names: HashMap::new() }
    }

    /// The id of a delivery.
    pub(crate) fn id(&mut self, line: u64, name: &str) -> MessageId {
        let name = bounded::name(name);
        let number = self.names.get(name).copied().unwrap_or_else(|| {
            // From 1, as long as there are numbers; 0 for all others.
            let next = self.names.len() as u128 + 1;
            if next >> NAME_BITS > 0 {
                return 0;
            }
            self.names.insert(name.to_owned(), next);
            next
        });
        let line = u128::from(line) & ((1 << LINE_BITS) - 1);
        MessageId::from_u128(self.base | line << NAME_BITS | number)
    }

    /// The line of a message.
    pub(crate) fn line(id: MessageId) -> u64 {
        let line = id.as_u128() >> NAME_BITS & ((1 << LINE_BITS) - 1);
        u64::try_from(line).expect("it has 48 bits")
    }

    /// The name of a message's delivery, or the name of its event if there were too many.
    pub(crate) fn name(&self, failed: &FailedMessage) -> String {
        let number = failed.id.as_u128() & ((1 << NAME_BITS) - 1);
        let known = self.names.iter().find(|(_, known)| **known == number);
        known.map_or_else(|| failed.event.trim_start_matches("github.").to_owned(), |(name, _)| name.clone())
    }
}

/// What failed since it was last settled, by line.
#[derive(Default)]
pub(crate) struct Failing(Mutex<BTreeMap<u64, FailedMessage>>);

/// A message that at least one group could not handle.
pub(crate) struct FailedMessage {
    id: MessageId,
    event: String,
    pub(crate) is_typed: bool,
    /// What each group says.
    pub(crate) reasons: Vec<String>,
    /// Whether no group has tried.
    pub(crate) is_late: bool,
}

impl Failing {
    /// How many may wait for the other groups.
    pub(crate) const MOST: usize = 1024;

    /// A group has given up.
    pub(crate) fn dead(&self, letter: &DeadLetter) {
        self.add(&letter.message, format!("{}: {}", letter.group, letter.error), false);
    }

    /// A group has not come to it.
    pub(crate) fn late(&self, message: &Message, group: &str) {
        self.add(message, format!("{group}: not handled in time"), true);
    }

    pub(crate) fn len(&self) -> usize {
        self.messages().len()
    }

    /// Whether the groups should come to their ends first.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= Self::MOST
    }

    /// Takes all, by line. No group must have any of them still.
    pub(crate) fn take(&self) -> BTreeMap<u64, FailedMessage> {
        std::mem::take(&mut *self.messages())
    }

    fn add(&self, message: &Message, reason: String, is_late: bool) {
        let mut messages = self.messages();
        let failed = messages.entry(Ids::line(message.id())).or_insert_with(|| FailedMessage {
            id: message.id(),
            event: message.name().to_owned(),
            is_typed: message.event_type().is_some(),
            reasons: Vec::new(),
            is_late: true,
        });
        failed.reasons.push(reason);
        failed.is_late &= is_late;
    }

    fn messages(&self) -> MutexGuard<'_, BTreeMap<u64, FailedMessage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn an_id_tells_its_line_and_names_from_outside_take_no_more_than_so_much() {
        let mut ids = Ids::new();
        for line in [1, 2, 1_000_000, (1 << 48) - 1] {
            let id = ids.id(line, "issues.opened");
            assert_eq!(Ids::line(id), line);
            assert_eq!(&id.to_string()[14..15], "7", "it is still a UUID of version 7");
        }
        let all: Vec<_> = (0..5_000).map(|line| ids.id(line, &line.to_string())).collect();
        assert!(all.iter().zip(0..).all(|(id, line)| Ids::line(*id) == line));
        assert_eq!(ids.names.len(), 1023);
    }
}
