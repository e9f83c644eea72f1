//! What follows from the lines: the log, its groups, the dead letters.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use eventbus::transport::{GroupSpec, GroupState, Message, Start};
use tokio::{sync::Notify, time::Instant};

use crate::{
    group::Group,
    letters::{FileLetter, Letters},
    line::Line,
};

#[derive(Default, Debug)]
pub(crate) struct State {
    pub(crate) log: Vec<Message>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) letters: Letters,
    pub(crate) is_closed: bool,
}

impl State {
    /// Applies a line: one that was read, or that is about to be written.
    pub(crate) fn apply(&mut self, line: Line) {
        match line {
            Line::Message { .. } | Line::Malformed { .. } => self.log.extend(line.into_message()),
            Line::Group { group, start } => _ = self.groups.insert(group, Group::new(start)),
            Line::Removed { group } => {
                if let Some(group) = self.groups.remove(&group) {
                    group.wakes.notify_waiters();
                }
            }
            Line::Leased { group, number } => self.in_group(&group, |group| group.lease(number)),
            Line::Done { group, number } => self.in_group(&group, |group| group.end(number)),
            Line::Again { group, number, attempts } => {
                self.in_group(&group, |group| group.give_back(number, |entry| entry.attempts = attempts));
            }
            Line::Dead { group, number, attempts, reason, failed_at } => {
                self.in_group(&group, |group| group.end(number));
                self.letters.add(FileLetter { group, number, attempts, reason, failed_at });
            }
            Line::Ended { letter, is_replayed } => {
                let Some(letter) = self.letters.remove(letter) else { return };
                self.in_group(&letter.group, |group| {
                    if is_replayed {
                        group.back.insert(letter.number, crate::group::Entry::default());
                        group.wakes.notify_waiters();
                    }
                });
            }
        }
    }

    fn in_group(&mut self, name: &str, change: impl FnOnce(&mut Group)) {
        if let Some(group) = self.groups.get_mut(name) {
            change(group);
        }
    }

    /// A new process: what was leased comes again.
    pub(crate) fn forget_leases(&mut self) {
        for group in self.groups.values_mut() {
            let leased = std::mem::take(&mut group.leased);
            group.back.extend(leased);
        }
    }

    /// Adds a message that has been written.
    pub(crate) fn push(&mut self, message: Message) {
        self.log.push(message);
        for group in self.groups.values() {
            group.wakes.notify_waiters();
        }
    }

    /// Where a new group begins.
    pub(crate) fn start_of(&self, start: Start) -> usize {
        match start {
            Start::Oldest => 0,
            Start::At(time) => self.log.iter().position(|message| message.time() >= time).unwrap_or(self.log.len()),
            // Messages that no group has wanted so far lie before it, and are not looked for.
            _ => self.log.len(),
        }
    }

    /// Notes what a consumer wants.
    pub(crate) fn open(&mut self, spec: &GroupSpec) -> Arc<Notify> {
        let group = self.groups.entry(spec.name.to_string()).or_insert_with(|| Group::new(self.log.len()));
        group.wants = Some(spec.wants.clone());
        Arc::clone(&group.wakes)
    }

    pub(crate) fn delay(&mut self, group: &str, number: usize, after: Duration) {
        self.in_group(group, |group| {
            if let Some(entry) = group.back.get_mut(&number).filter(|_| !after.is_zero()) {
                entry.due = Instant::now().checked_add(after);
            }
        });
    }

    pub(crate) fn group_states(&self) -> Vec<GroupState> {
        self.groups.iter().map(|(name, group)| group.state(name, &self.log)).collect()
    }

    pub(crate) fn close(&mut self) {
        self.is_closed = true;
        for group in self.groups.values() {
            group.wakes.notify_waiters();
        }
    }
}
