//! The queues of the memory transport, as they are under its lock.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use event_listener::Event;
use tokio::time::Instant;

use crate::publish::{Group, GroupState, Message, Overflow, Refused};

/// All queues.
pub(super) struct Groups {
    /// Of groups that state none, and of the log.
    pub(super) capacity: usize,
    pub(super) overflow: Overflow,
    closed: bool,
    /// What came before there was a group.
    log: VecDeque<Message>,
    /// How many of those were dropped; the first group's books begin with them.
    log_dropped: u64,
    queues: Vec<Queue>,
}

/// One group's queue.
struct Queue {
    name: Arc<str>,
    capacity: Option<usize>,
    overflow: Option<Overflow>,
    /// The next one first. What was given back stands before what is new, in its old order.
    waiting: VecDeque<Waiting>,
    /// What is not to be handed out before a time; few.
    delayed: Vec<(Instant, Waiting)>,
    created: u64,
    dropped: u64,
    /// Notified when there is something to read, or the end.
    available: Arc<Event>,
}

/// A message that waits in a queue.
pub(super) struct Waiting {
    pub(super) message: Message,
    /// How many attempts have been made.
    pub(super) attempts: u32,
}

/// A group that has been opened: its place, and how to hear of what comes.
pub(super) struct Opened {
    pub(super) at: usize,
    pub(super) available: Arc<Event>,
}

/// The answer of [`Groups::push`].
pub(super) enum Pushed {
    Taken {
        /// To be dropped outside of the lock.
        dropped: Option<Vec<Message>>,
    },
    Refused(Refused),
}

/// The answer of [`Groups::take`].
pub(super) enum Taken {
    Some(Vec<Waiting>),
    Nothing {
        /// When something delayed is due.
        due: Option<Instant>,
    },
    Closed,
}

impl Groups {
    pub(super) fn new(capacity: usize, overflow: Overflow) -> Self {
        Self { capacity, overflow, closed: false, log: VecDeque::new(), log_dropped: 0, queues: Vec::new() }
    }

    /// Gives a message to all groups, or to none.
    pub(super) fn push(&mut self, message: Message) -> Pushed {
        if self.closed {
            return Pushed::Refused(Refused::Closed(message));
        }
        let mut dropped = None;
        if self.queues.is_empty() {
            let mut log = Bounded { waiting: self.log.len(), capacity: self.capacity, overflow: self.overflow };
            match log.admit() {
                Admitted::Push => {}
                Admitted::Replace => {
                    self.log_dropped += 1;
                    dropped = self.log.pop_front().map(|oldest| vec![oldest]);
                }
                Admitted::Drop => {
                    self.log_dropped += 1;
                    return Pushed::Taken { dropped: Some(vec![message]) };
                }
                Admitted::Refuse { wait } => return Pushed::Refused(Refused::Full { message, wait }),
            }
            self.log.push_back(message);
            return Pushed::Taken { dropped };
        }
        let refusals = self.queues.iter().filter_map(|group| match self.bounded(group).admit() {
            Admitted::Refuse { wait } => Some(wait),
            _ => None,
        });
        // One group that fails makes waiting for the others useless.
        if let Some(wait) = refusals.reduce(|one, other| one && other) {
            return Pushed::Refused(Refused::Full { message, wait });
        }
        let (capacity, overflow) = (self.capacity, self.overflow);
        let last = self.queues.len() - 1;
        let mut message = Some(message);
        for (at, group) in self.queues.iter_mut().enumerate() {
            let next = if at == last { message.take() } else { message.clone() };
            let Some(next) = next else { break };
            group.created += 1;
            match group.bounded(capacity, overflow).admit() {
                Admitted::Replace => {
                    group.dropped += 1;
                    dropped.get_or_insert_with(Vec::new).extend(group.pop_oldest());
                }
                Admitted::Drop | Admitted::Refuse { .. } => {
                    group.dropped += 1;
                    dropped.get_or_insert_with(Vec::new).push(next);
                    continue;
                }
                Admitted::Push => {}
            }
            group.waiting.push_back(Waiting { message: next, attempts: 0 });
            group.available.notify(1);
        }
        Pushed::Taken { dropped }
    }

    /// Whether somebody who waits would still have to.
    pub(super) fn is_full(&self) -> bool {
        let refuses = |bounded: Bounded| matches!({ bounded }.admit(), Admitted::Refuse { wait: true });
        if self.closed {
            return false;
        }
        if self.queues.is_empty() {
            return refuses(Bounded { waiting: self.log.len(), capacity: self.capacity, overflow: self.overflow });
        }
        self.queues.iter().any(|group| refuses(self.bounded(group)))
    }

    /// Finds a group, or makes it; the first one gets the log.
    pub(super) fn open(&mut self, group: Group) -> Opened {
        let Group { name, capacity, overflow } = group;
        let known = self.queues.iter().position(|queue| queue.name == name);
        let at = known.unwrap_or_else(|| {
            let mut queue = Queue::new(name);
            if self.queues.is_empty() {
                queue.dropped = self.log_dropped;
                queue.created = self.log.len() as u64 + self.log_dropped;
                queue.waiting = self.log.drain(..).map(|message| Waiting { message, attempts: 0 }).collect();
            }
            self.queues.push(queue);
            self.queues.len() - 1
        });
        let queue = &mut self.queues[at];
        queue.capacity = capacity.map(|capacity| capacity.max(1)).or(queue.capacity);
        queue.overflow = overflow.or(queue.overflow);
        Opened { at, available: Arc::clone(&queue.available) }
    }

    /// Takes what is next, at most `max`.
    pub(super) fn take(&mut self, at: usize, max: usize) -> Taken {
        if self.closed {
            return Taken::Closed;
        }
        let queue = &mut self.queues[at];
        if !queue.delayed.is_empty() {
            queue.wake_due();
        }
        if queue.waiting.is_empty() {
            let due = queue.delayed.iter().map(|(due, _)| *due).min();
            return Taken::Nothing { due };
        }
        let count = queue.waiting.len().min(max.max(1));
        let taken = queue.waiting.drain(..count).collect();
        if !queue.waiting.is_empty() {
            // For another reader of the group.
            queue.available.notify(1);
        }
        Taken::Some(taken)
    }

    /// Takes back what was handed out. It stands before what is new, in the order of `waiting`.
    ///
    /// What comes back after the end, from a handler that was held up, stays here until all of this is dropped: the end has told
    /// what was left, and nobody reads any more. It counts as waiting, and so as in flight: it was neither handled nor returned.
    pub(super) fn give_back(&mut self, at: usize, given: Vec<(Duration, Waiting)>) {
        let queue = &mut self.queues[at];
        let now = Instant::now();
        for (after, waiting) in given.into_iter().rev() {
            if after.is_zero() || self.closed {
                queue.waiting.push_front(waiting);
            } else {
                // A time that cannot be told is far away.
                let due = now.checked_add(after).unwrap_or_else(|| now + Duration::from_secs(1 << 30));
                queue.delayed.push((due, waiting));
            }
        }
        queue.available.notify(usize::MAX);
    }

    /// Delivers a message to one group again; beyond its bound only if its policy is to drop, which would lose it.
    pub(super) fn requeue(&mut self, group: &str, message: Message) -> Result<(), Refused> {
        if self.closed {
            return Err(Refused::Closed(message));
        }
        let Some(at) = self.queues.iter().position(|queue| &*queue.name == group) else {
            return Err(Refused::Closed(message));
        };
        if let Admitted::Refuse { wait } = self.bounded(&self.queues[at]).admit() {
            return Err(Refused::Full { message, wait });
        }
        let queue = &mut self.queues[at];
        queue.created += 1;
        queue.waiting.push_back(Waiting { message, attempts: 0 });
        queue.available.notify(1);
        Ok(())
    }

    pub(super) fn states(&self) -> Vec<GroupState> {
        let state = |queue: &Queue| GroupState {
            name: Arc::clone(&queue.name),
            depth: Some((queue.waiting.len() + queue.delayed.len()) as u64),
            created: Some(queue.created),
            dropped: queue.dropped,
        };
        let mut states: Vec<_> = self.queues.iter().map(state).collect();
        states.sort_by(|one, other| one.name.cmp(&other.name));
        states
    }

    /// Ends it, and takes what is left.
    pub(super) fn close(&mut self) -> Vec<(Option<Arc<str>>, Message)> {
        self.closed = true;
        let mut left: Vec<_> = self.log.drain(..).map(|message| (None, message)).collect();
        for queue in &mut self.queues {
            let delayed = queue.delayed.drain(..).map(|(_, waiting)| waiting);
            let waiting = queue.waiting.drain(..).chain(delayed);
            left.extend(waiting.map(|waiting| (Some(Arc::clone(&queue.name)), waiting.message)));
            queue.available.notify(usize::MAX);
        }
        left
    }

    fn bounded(&self, queue: &Queue) -> Bounded {
        queue.bounded(self.capacity, self.overflow)
    }
}

impl Queue {
    fn new(name: Arc<str>) -> Self {
        Self {
            name,
            capacity: None,
            overflow: None,
            waiting: VecDeque::new(),
            delayed: Vec::new(),
            created: 0,
            dropped: 0,
            available: Arc::new(Event::new()),
        }
    }

    fn bounded(&self, capacity: usize, overflow: Overflow) -> Bounded {
        let waiting = self.waiting.len() + self.delayed.len();
        let (capacity, overflow) = (self.capacity.unwrap_or(capacity), self.overflow.unwrap_or(overflow));
        Bounded { waiting, capacity, overflow }
    }

    /// The oldest that could be handed out; if there is none, one that is not due yet.
    fn pop_oldest(&mut self) -> Option<Message> {
        self.waiting.pop_front().or_else(|| self.delayed.pop().map(|(_, waiting)| waiting)).map(|oldest| oldest.message)
    }

    fn wake_due(&mut self) {
        let now = Instant::now();
        let due = self.delayed.extract_if(.., |(due, _)| *due <= now);
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|(due, _)| *due);
        for (_, waiting) in due.into_iter().rev() {
            self.waiting.push_front(waiting);
        }
    }
}

/// How full a queue is.
struct Bounded {
    waiting: usize,
    capacity: usize,
    overflow: Overflow,
}

/// What becomes of one more message.
enum Admitted {
    Push,
    /// After the oldest one has been dropped.
    Replace,
    Drop,
    Refuse {
        wait: bool,
    },
}

impl Bounded {
    fn admit(&mut self) -> Admitted {
        if self.waiting < self.capacity {
            return Admitted::Push;
        }
        match self.overflow {
            Overflow::Wait => Admitted::Refuse { wait: true },
            Overflow::Fail => Admitted::Refuse { wait: false },
            Overflow::DropOldest => Admitted::Replace,
            Overflow::DropNewest => Admitted::Drop,
        }
    }
}
