//! What the lock of the memory transport guards: the groups, the routes to them, and the log of events that no group wants.

use std::{
    any::TypeId,
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::Waker,
};

use super::{
    admission::{Defaults, PushAnswer},
    after_lock::AfterLock,
    group::Group,
    seen::Seen,
};
use crate::{
    event::EventType,
    interleave,
    registry::BuildHashedKeys,
    transport::{GroupSpec, GroupState, Leased, Message, Overflow, Refusal, Unrouted, Wants},
};

pub(super) struct MemoryState {
    pub(super) defaults: Defaults,
    pub(super) is_closed: bool,
    /// A group keeps its place for as long as the transport lives: sources go by it.
    pub(super) groups: Vec<Group>,
    routes: WantedBy,
    /// Events that no group wants, oldest first.
    log: VecDeque<Message>,
    log_dropped: u64,
    seen: Seen,
    /// Messages that were taken without a closer look.
    pub(super) pushed_plain: u64,
    /// Publishers that wait for room, each with its ticket.
    publishers: Vec<(u64, Waker)>,
    tickets: u64,
}

/// Which groups want the events of a type. Looked up once for each type, and anew when the groups change.
#[derive(Default)]
struct WantedBy {
    all: Vec<Vec<usize>>,
    of_types: HashMap<TypeId, usize, BuildHashedKeys>,
    /// The type of the last message that one group only wanted, and that group: most come in runs of one type.
    last: Option<(&'static EventType, usize)>,
    /// That of a message whose type is not known: it may be of any.
    untyped: Vec<usize>,
}

impl MemoryState {
    pub(super) fn new(capacity: usize, overflow: Overflow) -> Self {
        Self {
            defaults: Defaults { max_events: capacity, overflow },
            is_closed: false,
            groups: Vec::new(),
            routes: WantedBy::default(),
            log: VecDeque::new(),
            log_dropped: 0,
            seen: Seen::default(),
            pushed_plain: 0,
            publishers: Vec::new(),
            tickets: 0,
        }
    }

    /// The group that takes an event whatever else there is to say about it: the only one that wants the type, with room.
    #[inline]
    pub(super) fn plain_group(&mut self, event: &'static EventType) -> Option<&mut Group> {
        if self.is_closed {
            return None;
        }
        let only = self.routes.only(event, &self.groups)?;
        self.groups.get_mut(only).filter(|group| group.has_plain_room())
    }

    /// Takes messages from the front on.
    pub(super) fn push(&mut self, batch: &mut [Option<Message>], after: &mut AfterLock) -> Result<(), Refusal> {
        if self.is_closed {
            return Err(Refusal::Closed);
        }
        batch.iter_mut().try_for_each(|slot| self.push_one(slot, after))
    }

    fn push_one(&mut self, slot: &mut Option<Message>, after: &mut AfterLock) -> Result<(), Refusal> {
        let Some(window) = slot.as_ref().and_then(Message::dedupe) else { return self.push_new(slot, after) };
        let Some(id) = slot.as_ref().map(Message::id) else { return Ok(()) };
        if self.seen.has(id) {
            return Err(Refusal::Duplicate);
        }
        self.push_new(slot, after)?;
        self.seen.add(id, window);
        Ok(())
    }

    fn push_new(&mut self, slot: &mut Option<Message>, after: &mut AfterLock) -> Result<(), Refusal> {
        let Self { defaults, groups, routes, log, log_dropped, .. } = self;
        let Some(message) = slot.as_ref() else { return Ok(()) };
        if let Some(only) = message.event_type().and_then(|event| routes.only(event, groups)) {
            // Most events have one group.
            let group = &mut groups[only];
            if let PushAnswer::Refuse { wait } = group.admission(message) {
                return Err(Refusal::Full { group: Arc::clone(&group.name), wait });
            }
            if let Some(message) = slot.take() {
                group.give(message, after);
            }
            return Ok(());
        }
        let route = routes.find(message, groups);
        check_room(groups, message, route)?;
        let Some((last, others)) = route.split_last() else {
            after.note_unrouted(message.clone());
            log.extend(slot.take());
            if log.len() > defaults.max_events {
                *log_dropped += 1;
                if let Some(oldest) = log.pop_front() {
                    after.note_unrouted_dropped(oldest);
                }
            }
            return Ok(());
        };
        for &at in others {
            groups[at].give(message.clone(), after);
        }
        if let Some(message) = slot.take() {
            groups[*last].give(message, after);
        }
        Ok(())
    }

    pub(super) fn unrouted(&self) -> Unrouted {
        Unrouted { waiting: self.log.len() as u64, dropped: self.log_dropped }
    }

    /// Opens a group, and gives it what it wants of the log. Returns its place.
    pub(super) fn subscribe(&mut self, spec: GroupSpec, after: &mut AfterLock) -> usize {
        let workers = spec.workers.max(1);
        let at = self.position(&spec.name).unwrap_or_else(|| {
            self.groups.push(Group::new(spec.clone(), self.defaults));
            self.groups.len() - 1
        });
        self.routes = WantedBy::default();
        let group = &mut self.groups[at];
        group.update(spec, self.defaults);
        group.workers += workers;
        let wants = group.wants.clone();
        let (own, others) =
            std::mem::take(&mut self.log).into_iter().partition::<VecDeque<_>, _>(|m| wants.includes(m));
        self.log = others;
        for message in own {
            self.groups[at].give_unbounded(message, after);
        }
        // A group with another policy, or other bounds, may have room now.
        self.wake_publishers(after);
        at
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.groups.iter().position(|group| *group.name == *name && !group.is_removed)
    }

    /// Removes a group; its place stays, for the sources that still go by it.
    pub(super) fn remove(&mut self, name: &str, after: &mut AfterLock) -> Option<Vec<Message>> {
        let at = self.position(name)?;
        self.routes = WantedBy::default();
        let group = &mut self.groups[at];
        group.is_removed = true;
        group.wake_all(after);
        let left = group.queue.drain().collect();
        self.wake_publishers(after);
        Some(left)
    }

    /// Delivers a message to one group again; beyond its bound only if its policy is to drop, which would lose it.
    pub(super) fn redeliver(&mut self, name: &str, message: Message, after: &mut AfterLock) -> Result<(), Refusal> {
        if self.is_closed {
            after.discard(message);
            return Err(Refusal::Closed);
        }
        let Some(at) = self.position(name) else {
            after.discard(message);
            return Err(Refusal::Failed(format!("there is no group `{name}`").into()));
        };
        if let Err(full) = check_room(&self.groups, &message, &[at]) {
            after.discard(message);
            return Err(full);
        }
        self.groups[at].give_unbounded(message, after);
        Ok(())
    }

    /// Leases messages of a group.
    pub(super) fn take(&mut self, at: usize, max: usize, into: &mut Vec<Leased>, after: &mut AfterLock) {
        if max == 0 {
            return;
        }
        let (another, has_room) = self.groups[at].take(max, into);
        after.wake(another);
        if has_room {
            self.wake_publishers(after);
        }
    }

    pub(super) fn settle(&mut self, at: usize, batch: &mut Vec<Leased>) -> Option<Waker> {
        self.groups[at].settle(batch, self.is_closed)
    }

    pub(super) fn group_states(&self) -> Vec<GroupState> {
        let mut states: Vec<_> = self.groups.iter().filter(|group| !group.is_removed).map(Group::state).collect();
        states.sort_by(|one, other| one.name.cmp(&other.name));
        states
    }

    /// Closes the transport, and takes what is left.
    pub(super) fn close(&mut self, after: &mut AfterLock) -> Vec<(Option<Arc<str>>, Message)> {
        self.is_closed = true;
        let mut left: Vec<_> = self.log.drain(..).map(|message| (None, message)).collect();
        for group in &mut self.groups {
            left.extend(group.queue.drain().map(|message| (Some(Arc::clone(&group.name)), message)));
            group.wake_all(after);
        }
        self.wake_publishers(after);
        left
    }

    /// Whether a publisher could be waiting for room.
    pub(super) fn holds_publishers_up(&self) -> bool {
        !self.is_closed && self.groups.iter().any(|group| !group.is_removed && group.holds_publishers_up())
    }

    fn wake_publishers(&mut self, after: &mut AfterLock) {
        if !self.publishers.is_empty() {
            interleave::shuffle(&mut self.publishers);
            for (_, waker) in self.publishers.drain(..) {
                after.wake(Some(waker));
            }
        }
    }

    /// Adds a publisher that waits, or renews its waker; `None` if its ticket has been taken off, which means that it was
    /// woken.
    pub(super) fn wait_for_room(&mut self, ticket: Option<u64>, waker: Waker) -> Option<(u64, Option<Waker>)> {
        let Some(ticket) = ticket else {
            self.tickets += 1;
            self.publishers.push((self.tickets, waker));
            return Some((self.tickets, None));
        };
        let own = self.publishers.iter_mut().find(|(other, _)| *other == ticket)?;
        Some((ticket, Some(std::mem::replace(&mut own.1, waker))))
    }

    pub(super) fn leave_room(&mut self, ticket: u64) -> Option<Waker> {
        let at = self.publishers.iter().position(|(other, _)| *other == ticket)?;
        Some(self.publishers.swap_remove(at).1)
    }
}

/// Refuses a message for which a group has no room. A group that fails makes waiting for the others useless.
fn check_room(groups: &[Group], message: &Message, route: &[usize]) -> Result<(), Refusal> {
    let mut full = None;
    for &at in route {
        let group = &groups[at];
        if let PushAnswer::Refuse { wait } = group.admission(message) {
            let refusal = Refusal::Full { group: Arc::clone(&group.name), wait };
            if !wait {
                return Err(refusal);
            }
            full.get_or_insert(refusal);
        }
    }
    full.map_or(Ok(()), Err)
}

impl WantedBy {
    /// The group that wants the events of a type, if it is the only one.
    #[inline]
    fn only(&mut self, event: &'static EventType, groups: &[Group]) -> Option<usize> {
        match self.last {
            Some((last, at)) if std::ptr::eq(last, event) => Some(at),
            _ => self.find_only(event, groups),
        }
    }

    fn find_only(&mut self, event: &'static EventType, groups: &[Group]) -> Option<usize> {
        let [only] = *self.of_type(event, groups) else { return None };
        self.last = Some((event, only));
        Some(only)
    }

    fn of_type(&mut self, event: &'static EventType, groups: &[Group]) -> &[usize] {
        let at = *self.of_types.entry(event.id()).or_insert_with(|| {
            self.all.push(route(groups, |wants| wants.includes_type(event.name().as_str(), event.version())));
            self.all.len() - 1
        });
        &self.all[at]
    }

    fn find(&mut self, message: &Message, groups: &[Group]) -> &[usize] {
        if let Some(event) = message.event_type() {
            return self.of_type(event, groups);
        }
        self.untyped = route(groups, |wants| wants.includes(message));
        &self.untyped
    }
}

fn route(groups: &[Group], includes: impl Fn(&Wants) -> bool) -> Vec<usize> {
    let wants = |(_, group): &(usize, &Group)| !group.is_removed && includes(&group.wants);
    groups.iter().enumerate().filter(wants).map(|(at, _)| at).collect()
}
