//! The transport inside the process: bounded queues, one for each group, that carry the events themselves.
//!
//! One lock guards all queues, so that a message reaches all groups or none. It is held for pushes and pops only: what drops
//! out is dropped outside of it, since a message may hold the last handle of an event.

mod groups;
mod source;

use std::{fmt, sync::Arc, time::Duration};

use event_listener::Event;
use groups::{Groups, Pushed};
use source::MemorySource;

use super::{BoxFuture, Capabilities, Group, GroupState, Message, Overflow, Refused, Source, Transport};
use crate::{
    event::isolate,
    listener::BoxError,
    sync::{Mutex, lock},
};

/// Carries published events inside the process: the default transport.
///
/// Events are carried as they are, in an `Arc`, and need no serde. Each group has a queue of its own, which holds
/// [`DEFAULT_CAPACITY`](Self::DEFAULT_CAPACITY) events unless stated; what happens at that bound is the group's
/// [`Overflow`] policy. Until there is a group, events wait in a log of the same bound, for the first one; and if nobody ever
/// makes one, `publish` waits once the log is full. What that log drops, the first group counts. A later group gets what is published after it was made.
///
/// Nothing outlives the process: what is left when the bus shuts down is in its report.
///
/// # Examples
///
/// ```
/// use eventbus_core::{Bus, Memory, Overflow};
///
/// let bus = Bus::builder().transport(Memory::new().capacity(10_000).overflow(Overflow::Fail)).build();
/// ```
pub struct Memory {
    shared: Arc<Shared>,
}

struct Shared {
    groups: Mutex<Groups>,
    /// Notified when there is room again.
    space: Event,
}

impl Memory {
    /// How many events a group holds unless stated.
    pub const DEFAULT_CAPACITY: usize = 1024;

    /// A transport with the default bounds.
    pub fn new() -> Self {
        let groups = Groups::new(Self::DEFAULT_CAPACITY, Overflow::Wait);
        Self { shared: Arc::new(Shared { groups: Mutex::new(groups), space: Event::new() }) }
    }

    /// How many events a group holds unless its consumer says otherwise, and the log before there is a group. At least 1.
    #[must_use]
    pub fn capacity(self, events: usize) -> Self {
        lock(&self.shared.groups).capacity = events.max(1);
        self
    }

    /// What happens at the bound unless the group's consumer says otherwise, and in the log before there is a group.
    #[must_use]
    pub fn overflow(self, policy: Overflow) -> Self {
        lock(&self.shared.groups).overflow = policy;
        self
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("groups", &self.groups()).finish()
    }
}

impl Transport for Memory {
    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_PROCESS
    }

    fn try_publish(&self, message: Message) -> Result<(), Refused> {
        let pushed = lock(&self.shared.groups).push(message);
        match pushed {
            Pushed::Taken { dropped } => {
                discard(dropped);
                Ok(())
            }
            Pushed::Refused(refused) => Err(refused),
        }
    }

    fn publish(&self, batch: Vec<Message>) -> BoxFuture<'_, Vec<Result<(), Refused>>> {
        Box::pin(async move { batch.into_iter().map(|message| self.try_publish(message)).collect() })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Listens before it asks, so that room made in between is not missed.
            let space = self.shared.space.listen();
            let is_full = lock(&self.shared.groups).is_full();
            if is_full {
                space.await;
            }
        })
    }

    fn subscribe(&self, group: Group) -> BoxFuture<'_, Result<Arc<dyn Source>, BoxError>> {
        Box::pin(async move {
            let opened = lock(&self.shared.groups).open(group);
            // A group with another policy may have room where the log had none.
            self.shared.space.notify(usize::MAX);
            let source: Arc<dyn Source> = Arc::new(MemorySource::new(Arc::clone(&self.shared), opened));
            Ok(source)
        })
    }

    fn requeue(&self, group: &str, message: Message) -> BoxFuture<'_, Result<(), Refused>> {
        let requeued = lock(&self.shared.groups).requeue(group, message);
        Box::pin(async move { requeued })
    }

    fn groups(&self) -> Vec<GroupState> {
        lock(&self.shared.groups).states()
    }

    fn close(&self, _deadline: Duration) -> BoxFuture<'_, Vec<(Option<Arc<str>>, Message)>> {
        let left = lock(&self.shared.groups).close();
        self.shared.space.notify(usize::MAX);
        Box::pin(async move { left })
    }
}

/// Drops messages of which nobody may have another handle: their events are foreign code.
fn discard(messages: Option<Vec<Message>>) {
    for message in messages.into_iter().flatten() {
        let _ = isolate(|| drop(message));
    }
}
