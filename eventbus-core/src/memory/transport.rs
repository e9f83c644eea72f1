//! The transport: its queues behind their lock.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{
    after_lock::{AfterLock, UnroutedMessage, wake},
    seen,
    source::MemorySource,
    state::MemoryState,
    waiting::Room,
};

use crate::{
    call::MessageId,
    event::isolate,
    sync::{Mutex, lock},
    transport::{
        Answer, BoxFuture, Capabilities, Content, GroupSpec, GroupState, LeaseId, Leased, Message, NoSuchGroup,
        Overflow, Refusal, Source, Transport, TransportReports, Unrouted,
    },
};

/// Carries published events inside the process: the default transport.
///
/// Events are carried as they are, in an `Arc`, and need no serde. Each group has a queue of its own for the events that it
/// handles. It holds [`DEFAULT_CAPACITY`](Self::DEFAULT_CAPACITY) events unless stated; at that bound the group's
/// [`Overflow`] policy decides.
///
/// An event that no group handles waits in a log of the same bound for a group that does, so that consumers may start after
/// publishers. When the log is full its oldest event is dropped and counted
/// ([`Unrouted::dropped`](crate::Unrouted::dropped)): nobody waits for a group that may never come.
///
/// Nothing outlives the process: what is left when the bus shuts down is in its report.
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod transport { pub use eventbus_core::*; } }
/// use eventbus::{Bus, Overflow, transport::Memory};
///
/// let bus = Bus::builder().transport(Memory::new().capacity(10_000).overflow(Overflow::Fail)).build();
/// ```
pub struct Memory {
    state: Arc<Mutex<MemoryState>>,
    reports: OnceLock<TransportReports>,
}

impl Memory {
    /// How many events a group holds unless stated.
    pub const DEFAULT_CAPACITY: usize = 1024;

    /// How many ids are kept to tell duplicates by ([`Publish::dedupe`](crate::Publish::dedupe)): 100,000, some 5 MB.
    pub const MAX_IDS: usize = seen::MAX_IDS;

    /// A transport with the default bounds.
    pub fn new() -> Self {
        let state = MemoryState::new(Self::DEFAULT_CAPACITY, Overflow::Wait);
        Self { state: Arc::new(Mutex::new(state)), reports: OnceLock::new() }
    }

    /// How many events a group holds unless its consumer says otherwise, and the log of events that no group handles. At
    /// least 1.
    #[must_use]
    pub fn capacity(self, events: usize) -> Self {
        lock(&self.state).defaults.max_events = events.max(1);
        self
    }

    /// What happens at the bound of a group unless its consumer says otherwise.
    #[must_use]
    pub fn overflow(self, policy: Overflow) -> Self {
        lock(&self.state).defaults.overflow = policy;
        self
    }

    /// Makes a message and takes it, if nothing about its group needs a closer look, as with most; else gives the content back. It
    /// [counts](Self::pushed_plain) those taken, so that their publisher need not.
    #[inline]
    pub(crate) fn push_plain(&self, content: Content, source: &'static &'static str) -> Result<(), Content> {
        let Some(event) = content.event_type() else { return Err(content) };
        // Made before the lock is taken, which others wait for.
        let id = MessageId::coarse();
        let mut state = lock(&self.state);
        let Some(group) = state.plain_group(event) else { return Err(content) };
        let waker = group.give_plain(Leased::new(Message::plain(id, content, source), LeaseId::NONE));
        state.pushed_plain += 1;
        drop(state);
        if let Some(waker) = waker {
            wake(waker);
        }
        Ok(())
    }

    /// How many messages [`push_plain`](Self::push_plain) has taken.
    pub(crate) fn pushed_plain(&self) -> u64 {
        lock(&self.state).pushed_plain
    }

    /// Takes one message.
    ///
    /// # Errors
    ///
    /// The refusal, and the message.
    pub(crate) fn push(&self, message: Message) -> Result<(), (Refusal, Message)> {
        let mut slot = [Some(message)];
        let taken = self.try_publish(&mut slot);
        let [left] = slot;
        match (taken, left) {
            (Err(refusal), Some(message)) => Err((refusal, message)),
            _ => Ok(()),
        }
    }

    #[cold]
    fn tell_unrouted(&self, messages: Vec<UnroutedMessage>) {
        for UnroutedMessage { message, is_dropped } in messages {
            match self.reports.get() {
                Some(reports) if is_dropped => reports.unrouted_dropped(&message),
                Some(reports) => reports.unrouted(&message),
                None => {}
            }
            // Perhaps the last handle of its event by now, which is foreign code.
            let _ = isolate(|| drop(message));
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("groups", &lock(&self.state).group_states()).finish_non_exhaustive()
    }
}

impl Transport for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_PROCESS.with_dedupe()
    }

    fn attach(&self, reports: TransportReports) {
        let _ = self.reports.set(reports);
    }

    fn unrouted(&self) -> Unrouted {
        lock(&self.state).unrouted()
    }

    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        let mut after = AfterLock::default();
        let taken = lock(&self.state).push(batch, &mut after);
        let unrouted = after.take_unrouted();
        if !unrouted.is_empty() {
            self.tell_unrouted(unrouted);
        }
        after.run();
        taken
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        let results = batch.iter().map(|message| self.try_publish(&mut [Some(message.clone())])).collect();
        Box::pin(std::future::ready(results))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(Room::new(&self.state))
    }

    fn subscribe(&self, group: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        let mut after = AfterLock::default();
        let workers = group.workers.max(1);
        let at = lock(&self.state).subscribe(group, &mut after);
        after.run();
        let source: Arc<dyn Source> = Arc::new(MemorySource::new(Arc::clone(&self.state), at, workers));
        Box::pin(std::future::ready(Ok(source)))
    }

    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        let states = lock(&self.state).group_states();
        Box::pin(std::future::ready(Ok(states)))
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        let mut after = AfterLock::default();
        let removed = lock(&self.state).remove(name, &mut after);
        after.run();
        let result = removed.ok_or_else(|| NoSuchGroup.into());
        Box::pin(std::future::ready(result))
    }

    fn redeliver<'a>(&'a self, group: &'a str, message: Message) -> BoxFuture<'a, Result<(), Refusal>> {
        let mut after = AfterLock::default();
        let delivered = lock(&self.state).redeliver(group, message, &mut after);
        after.run();
        Box::pin(std::future::ready(delivered))
    }

    fn close(&self, _deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        let mut after = AfterLock::default();
        let left = lock(&self.state).close(&mut after);
        after.run();
        Box::pin(std::future::ready(Ok(left)))
    }
}
