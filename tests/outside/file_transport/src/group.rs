//! A group: where it is in the log, what it has leased, what came back.

use std::{collections::BTreeMap, sync::Arc};

use eventbus::transport::{GroupState, Message, Wants};
use tokio::{sync::Notify, time::Instant};

#[derive(Debug)]
pub(crate) struct Group {
    /// Until a consumer says what it wants, nothing is handed out.
    pub(crate) wants: Option<Wants>,
    /// The next message that it has not seen.
    pub(crate) next: usize,
    /// Those that came back, in the order of the log.
    pub(crate) back: BTreeMap<usize, Entry>,
    pub(crate) leased: BTreeMap<usize, Entry>,
    pub(crate) skipped: u64,
    pub(crate) wakes: Arc<Notify>,
}

/// What a group knows of a message.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Entry {
    pub(crate) attempts: u32,
    pub(crate) deliveries: u32,
    pub(crate) due: Option<Instant>,
}

impl Group {
    pub(crate) fn new(start: usize) -> Self {
        let (back, leased) = Default::default();
        Self { wants: None, next: start, back, leased, skipped: 0, wakes: Arc::default() }
    }

    /// Up to `max` messages that may be handed out, those that came back first. Passes over what the group does not want.
    pub(crate) fn find(&mut self, log: &[Message], max: usize) -> Vec<usize> {
        let Some(wants) = &self.wants else { return Vec::new() };
        let now = Instant::now();
        let is_due = |entry: &Entry| entry.due.is_none_or(|due| due <= now);
        let back = self.back.iter().filter(|(_, entry)| is_due(entry)).map(|(number, _)| *number);
        let mut found: Vec<_> = back.take(max).collect();
        let wanted = |number: &usize| wants.includes(&log[*number]);
        if found.is_empty() {
            let passed = (self.next..log.len()).take_while(|number| !wanted(number)).count();
            self.next += passed;
            self.skipped += passed as u64;
        }
        found.extend((self.next..log.len()).filter(wanted).take(max - found.len()));
        found
    }

    /// When the first of those that came back may be handed out.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.back.values().filter_map(|entry| entry.due).min()
    }

    /// Notes that a message is handed out.
    pub(crate) fn lease(&mut self, number: usize) {
        let mut entry = self.back.remove(&number).unwrap_or_default();
        entry.deliveries += 1;
        self.leased.insert(number, entry);
        // What lies before it and is not back was not wanted.
        self.skipped += number.saturating_sub(self.next) as u64;
        self.next = self.next.max(number + 1);
    }

    /// Ends a message for good.
    pub(crate) fn end(&mut self, number: usize) {
        self.leased.remove(&number);
        self.back.remove(&number);
    }

    pub(crate) fn give_back(&mut self, number: usize, change: impl FnOnce(&mut Entry)) {
        let Some(mut entry) = self.leased.remove(&number) else { return };
        change(&mut entry);
        self.back.insert(number, entry);
        self.wakes.notify_waiters();
    }

    pub(crate) fn state(&self, name: &str, log: &[Message]) -> GroupState {
        let mut state = GroupState::new(name.into());
        let is_wanted = |message: &&Message| self.wants.as_ref().is_none_or(|wants| wants.includes(message));
        let new = log[self.next.min(log.len())..].iter().filter(is_wanted).count();
        let delayed = self.back.values().filter(|entry| entry.due.is_some_and(|due| due > Instant::now())).count();
        state.depth = Some((new + self.back.len() - delayed) as u64);
        state.delayed = delayed as u64;
        state.leased = Some(self.leased.len() as u64);
        state.skipped = self.skipped;
        state
    }
}
