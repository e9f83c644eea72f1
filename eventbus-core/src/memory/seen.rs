//! Ids of messages that were taken, for as long as another one with the same id is a duplicate.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::call::MessageId;

/// How many are kept.
pub(super) const MAX_IDS: usize = 100_000;

#[derive(Default)]
pub(super) struct Seen {
    /// Until when each is kept.
    until: HashMap<MessageId, Instant>,
    /// In the order in which they came.
    order: VecDeque<(MessageId, Instant)>,
}

impl Seen {
    pub(super) fn has(&self, id: MessageId) -> bool {
        self.until.get(&id).is_some_and(|until| *until > Instant::now())
    }

    /// Keeps an id for so long. What has run out goes, and beyond the bound the oldest.
    pub(super) fn add(&mut self, id: MessageId, window: Duration) {
        let now = Instant::now();
        let until = now.checked_add(window).unwrap_or_else(|| now + Duration::from_secs(1 << 30));
        while let Some((oldest, ends)) = self.order.front().copied()
            && (ends <= now || self.order.len() >= MAX_IDS)
        {
            self.order.pop_front();
            // It may have come again since, and be kept for longer.
            if self.until.get(&oldest) == Some(&ends) {
                self.until.remove(&oldest);
            }
        }
        self.until.insert(id, until);
        self.order.push_back((id, until));
    }
}
