//! A process's end of the broker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use eventbus::{
    BoxError,
    transport::{
        Answer, BoxFuture, Capabilities, GroupSpec, GroupState, LeaseId, Leased, Letter, LetterEnd, LetterId,
        LetterPage, LetterQuery, Message, Read, Refusal, Settlement, Source, Transport, Unsettled,
    },
};
use tokio::time::{Instant, sleep_until};

use super::broker::{CAPABILITIES, Group, Item, LEASE, Lease, Record, State, Store, letter_id};

pub(crate) struct Handle {
    store: Arc<Store>,
    is_closed: Arc<AtomicBool>,
}

impl Handle {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, is_closed: Arc::default() }
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Every third message is sent over a line that is cut, and stored; its answer does not come back.
    fn store_one(state: &mut State, message: &Message) -> Result<(), Refusal> {
        let record = Record::of(message).map_err(Refusal::Unwritable)?;
        let reached = state.reached();
        if reached.is_ok() || state.number().is_multiple_of(3) {
            state.log.push(record);
        } else {
            return reached.map_err(Refusal::Failed);
        }
        reached.map_err(Refusal::Unknown)
    }
}

impl Transport for Handle {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            if self.is_closed() {
                return batch.iter().map(|_| Err(Refusal::Closed)).collect();
            }
            let answers = {
                let mut state = self.store.state();
                batch.iter().map(|message| Self::store_one(&mut state, message)).collect()
            };
            self.store.changed.notify_waiters();
            answers
        })
    }

    fn subscribe(&self, spec: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        Box::pin(async move {
            if self.is_closed() {
                return Err("the transport is closed".into());
            }
            let mut state = self.store.state();
            state.reached()?;
            let (start, number, restarts) = (state.open(&spec), state.number(), state.restarts);
            let source = BrokerSource {
                store: Arc::clone(&self.store),
                spec,
                start,
                number,
                restarts: restarts.into(),
                is_closed: AtomicBool::new(false),
                is_transport_closed: Arc::clone(&self.is_closed),
            };
            Ok(Arc::new(source) as Arc<dyn Source>)
        })
    }

    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        Box::pin(async {
            let mut state = self.store.state();
            state.reached()?;
            let State { log, groups, .. } = &mut *state;
            let all = groups.iter_mut().map(|(name, group)| {
                group.look_at(log);
                let now = Instant::now();
                let mut told = GroupState::new(Arc::clone(name));
                let (leased, waits): (Vec<_>, Vec<_>) = group.items.values().partition(|item| item.is_leased(now));
                let delayed = waits.iter().filter(|item| item.due.is_some_and(|due| due > now)).count();
                (told.leased, told.depth) = (Some(leased.len() as u64), Some((waits.len() - delayed) as u64));
                (told.delayed, told.skipped) = (delayed as u64, group.skipped);
                told
            });
            Ok(all.collect())
        })
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        Box::pin(async move {
            let mut state = self.store.state();
            state.reached()?;
            state.groups.remove(name).ok_or_else(|| format!("there is no group `{name}`"))?;
            state.removed.insert(name.into());
            drop(state);
            self.store.changed.notify_waiters();
            Ok(Vec::new())
        })
    }

    fn dead_letters(&self, query: LetterQuery) -> Answer<'_, LetterPage> {
        Box::pin(async move {
            let state = self.store.state();
            state.reached()?;
            let after = query.after.as_ref().and_then(letter_id).map_or(0, |after| after + 1);
            let is_asked_for = |letter: &&Letter| query.group.as_ref().is_none_or(|group| *group == letter.group);
            let found = state.letters.range(after..).map(|(_, letter)| letter).filter(is_asked_for);
            let mut page = LetterPage::default();
            page.letters = found.take(query.limit).cloned().collect();
            if page.letters.len() == query.limit {
                page.next = page.letters.last().map(|letter| letter.id.clone());
            }
            Ok(page)
        })
    }

    fn end_letters<'a>(&'a self, ids: &'a [LetterId], end: LetterEnd) -> BoxFuture<'a, Vec<Result<(), BoxError>>> {
        Box::pin(async move {
            let mut state = self.store.state();
            let mut end_one = |id: &LetterId| {
                state.reached()?;
                let letter = letter_id(id).and_then(|number| state.letters.remove(&number));
                let letter = letter.ok_or_else(|| format!("there is no dead letter {id}"))?;
                if end == LetterEnd::Replay {
                    let at = state.log.iter().position(|record| record.message().id() == letter.message.id());
                    let group = state.groups.get_mut(&letter.group);
                    if let (Some(at), Some(group)) = (at, group) {
                        group.items.insert(at, Item::default());
                    }
                }
                Ok(())
            };
            let answers = ids.iter().map(&mut end_one).collect();
            drop(state);
            self.store.changed.notify_waiters();
            answers
        })
    }

    fn close(&self, _: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.is_closed.store(true, Ordering::SeqCst);
        self.store.changed.notify_waiters();
        Box::pin(async { Ok(Vec::new()) })
    }
}

struct BrokerSource {
    store: Arc<Store>,
    spec: GroupSpec,
    start: usize,
    number: u64,
    /// The restarts that it knows of.
    restarts: std::sync::atomic::AtomicU64,
    is_closed: AtomicBool,
    is_transport_closed: Arc<AtomicBool>,
}

impl BrokerSource {
    /// Leases what is there; or when to look again.
    fn lease(&self, max: usize, into: &mut Vec<Leased>) -> Result<Option<Read>, BoxError> {
        let mut state = self.store.state();
        let is_closed = self.is_closed.load(Ordering::SeqCst) || self.is_transport_closed.load(Ordering::SeqCst);
        if is_closed || state.removed.contains(&self.spec.name) {
            return Ok(Some(Read::Closed));
        }
        state.reached()?;
        if self.restarts.swap(state.restarts, Ordering::SeqCst) != state.restarts {
            return Err("the broker has closed the connection".into());
        }
        if !state.groups.contains_key(&self.spec.name) {
            let group = Group::new(self.start, self.spec.wants.clone());
            state.groups.insert(Arc::clone(&self.spec.name), group);
            return Err("the group had vanished, and was made again".into());
        }
        let State { log, groups, numbers, .. } = &mut *state;
        let Some(group) = groups.get_mut(&self.spec.name) else { return Ok(None) };
        group.look_at(log);
        for at in group.free_for(self.number, max, log) {
            let Some(item) = group.items.get_mut(&at) else { continue };
            *numbers += 1;
            item.deliveries += 1;
            item.expired += u32::from(item.lease.is_some());
            item.lease = Some(Lease { id: *numbers, source: self.number, until: Instant::now() + LEASE });
            let leased = Leased::new(log[at].message(), LeaseId::new(&numbers.to_string()));
            into.push(leased.with_attempts(item.attempts).with_deliveries(item.deliveries));
        }
        Ok((!into.is_empty()).then_some(Read::Batch))
    }

    fn settle_one(state: &mut State, name: &Arc<str>, leased: &Leased) -> Result<(), (bool, BoxError)> {
        state.reached().map_err(|error| (false, error))?;
        let lost = || (true, BoxError::from("the lease had run out when it was settled"));
        let id = leased.lease().as_str().parse().map_err(|_| lost())?;
        let group = state.groups.get_mut(name).ok_or_else(lost)?;
        let (at, item) = group.of_lease(id).ok_or_else(lost)?;
        item.lease = None;
        match leased.settlement() {
            Settlement::Again { after } => {
                (item.attempts, item.due) = (leased.attempts(), Some(Instant::now() + *after));
            }
            Settlement::Done => _ = group.items.remove(&at),
            Settlement::Dead { reason } => {
                group.items.remove(&at);
                let number = state.number();
                let id = LetterId::new(&number.to_string());
                let mut letter = Letter::new(id, Arc::clone(name), leased.message().clone(), Arc::clone(reason));
                letter.attempts = leased.attempts();
                state.letters.insert(number, letter);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Source for BrokerSource {
    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        Box::pin(async move {
            loop {
                let mut changed = std::pin::pin!(self.store.changed.notified());
                changed.as_mut().enable();
                if let Some(read) = self.lease(max, into)? {
                    return Ok(read);
                }
                let wake_at = self.store.state().groups.get(&self.spec.name).and_then(Group::wake_at);
                tokio::select! {
                    () = changed => {}
                    () = sleep_until(wake_at.unwrap_or_else(|| Instant::now() + LEASE)) => {}
                }
            }
        })
    }

    fn settle(&self, batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        let (store, name) = (Arc::clone(&self.store), Arc::clone(&self.spec.name));
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut unsettled = Vec::new();
            {
                let mut state = store.state();
                for leased in batch {
                    if let Err((is_lost, error)) = Self::settle_one(&mut state, &name, &leased) {
                        unsettled.push(Unsettled { leased, is_lost, error });
                    }
                }
            }
            store.changed.notify_waiters();
            unsettled
        })
    }

    fn extend(&self, leases: Vec<LeaseId>) -> Answer<'static, Vec<LeaseId>> {
        let (store, name) = (Arc::clone(&self.store), Arc::clone(&self.spec.name));
        Box::pin(async move {
            let mut state = store.state();
            state.reached()?;
            let mut lost = Vec::new();
            for lease in leases {
                let id = lease.as_str().parse().unwrap_or_default();
                let item = state.groups.get_mut(&name).and_then(|group| group.of_lease(id));
                match item.and_then(|(_, item)| item.lease.as_mut()) {
                    Some(held) => held.until = Instant::now() + LEASE,
                    None => lost.push(lease),
                }
            }
            Ok(lost)
        })
    }

    fn close(&self) -> Answer<'_, ()> {
        self.is_closed.store(true, Ordering::SeqCst);
        self.store.changed.notify_waiters();
        Box::pin(async { Ok(()) })
    }
}
