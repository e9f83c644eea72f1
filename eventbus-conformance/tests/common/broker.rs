//! A server that the tests have in their own process: what most transports speak to. Leases run out, several handles share a
//! storage, the line can be cut.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use eventbus::{
    BoxError,
    transport::{
        Answer, BoxFuture, Capabilities, Durability, GroupSpec, Letter, LetterId, Message, Start, Transport, Wants,
    },
};
use eventbus_conformance::{Limits, Rig, Trouble};
use tokio::{sync::Notify, time::Instant};

use super::handle::Handle;

pub(crate) const LEASE: Duration = Duration::from_millis(1500);

/// The server: storages by name.
#[derive(Default)]
pub(crate) struct Broker {
    stores: Mutex<HashMap<String, Arc<Store>>>,
}

#[derive(Default)]
pub(crate) struct Store {
    state: Mutex<State>,
    pub(crate) changed: Notify,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) log: Vec<Record>,
    pub(crate) groups: BTreeMap<Arc<str>, Group>,
    /// Groups that somebody has removed: their sources are closed.
    pub(crate) removed: BTreeSet<Arc<str>>,
    pub(crate) letters: BTreeMap<u64, Letter>,
    pub(crate) is_cut: bool,
    pub(crate) restarts: u64,
    pub(crate) numbers: u64,
}

/// A message as bytes.
pub(crate) struct Record {
    attributes: Vec<(String, String)>,
    data: Arc<[u8]>,
    not_before: Option<SystemTime>,
}

pub(crate) struct Group {
    pub(crate) start: usize,
    wants: Wants,
    next: usize,
    pub(crate) items: BTreeMap<usize, Item>,
    pub(crate) skipped: u64,
}

/// A message in a group.
#[derive(Default)]
pub(crate) struct Item {
    pub(crate) attempts: u32,
    pub(crate) deliveries: u32,
    /// How many of its leases have run out, before this one.
    pub(crate) expired: u32,
    pub(crate) due: Option<Instant>,
    pub(crate) lease: Option<Lease>,
}

pub(crate) struct Lease {
    pub(crate) id: u64,
    pub(crate) source: u64,
    pub(crate) until: Instant,
}

impl Store {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    pub(crate) fn of(message: &Message) -> Result<Self, BoxError> {
        let data = message.data()?;
        std::str::from_utf8(&data).map_err(|_| "it is no text")?;
        let owned = message.attributes().into_iter().map(|(name, value)| (name.to_owned(), value.into_owned()));
        Ok(Self { attributes: owned.collect(), data, not_before: message.not_before() })
    }

    pub(crate) fn message(&self) -> Message {
        let attributes = self.attributes.iter().map(|(name, value)| (&**name, &**value));
        let read = Message::from_attributes(attributes, Arc::clone(&self.data));
        let message = read.unwrap_or_else(|error| Message::malformed(&error.to_string(), &self.data));
        self.not_before.map_or(message.clone(), |at| message.with_not_before(at))
    }

    fn key(&self) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == "partitionkey").map(|(_, value)| &**value)
    }
}

impl State {
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn reached(&self) -> Result<(), BoxError> {
        if self.is_cut { Err("the line to the broker is cut".into()) } else { Ok(()) }
    }

    /// Makes a group unless it is there, and notes what it wants; where it has started.
    pub(crate) fn open(&mut self, spec: &GroupSpec) -> usize {
        self.removed.remove(&spec.name);
        let start = match spec.start {
            Start::Oldest => 0,
            Start::At(time) => self.log.iter().position(|one| one.message().time() >= time).unwrap_or(self.log.len()),
            _ => self.log.len(),
        };
        let group = self.groups.entry(Arc::clone(&spec.name)).or_insert_with(|| Group::new(start, spec.wants.clone()));
        group.look_at(&self.log);
        group.wants = spec.wants.clone();
        group.start
    }
}

impl Group {
    pub(crate) fn new(start: usize, wants: Wants) -> Self {
        Self { start, wants, next: start, items: BTreeMap::new(), skipped: 0 }
    }

    /// Takes what it wants of the log.
    pub(crate) fn look_at(&mut self, log: &[Record]) {
        for (at, record) in log.iter().enumerate().skip(self.next) {
            if self.wants.includes(&record.message()) {
                let left = record.not_before.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
                self.items.insert(at, Item { due: left.map(|left| Instant::now() + left), ..Item::default() });
            } else {
                self.skipped += 1;
            }
        }
        self.next = log.len();
    }

    /// What a source may lease: in the order of the log, and of a key only behind what it has itself.
    pub(crate) fn free_for(&self, source: u64, max: usize, log: &[Record]) -> Vec<usize> {
        let (now, mut held_up, mut free) = (Instant::now(), BTreeSet::new(), Vec::new());
        let mut has_suspect = self.items.values().any(|item| item.is_leased_to(source, now) && item.is_suspect(now));
        for (at, item) in &self.items {
            let is_free = !item.is_leased(now) && item.due.is_none_or(|due| due <= now);
            let (key, is_suspect) = (log[*at].key(), item.is_suspect(now));
            let must_wait = key.is_some_and(|key| held_up.contains(key)) || is_suspect && has_suspect;
            if is_free && !must_wait && free.len() < max {
                free.push(*at);
                has_suspect |= is_suspect;
            } else if !item.is_leased_to(source, now) {
                held_up.extend(key);
            }
        }
        free
    }

    /// When to look again.
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        let until = |item: &Item| item.lease.as_ref().map(|lease| lease.until).into_iter().chain(item.due).max();
        self.items.values().filter_map(until).filter(|at| *at > Instant::now()).min()
    }

    pub(crate) fn of_lease(&mut self, id: u64) -> Option<(usize, &mut Item)> {
        let is_it = |item: &Item| item.lease.as_ref().is_some_and(|lease| lease.id == id);
        self.items.iter_mut().find(|(_, item)| is_it(item)).map(|(at, item)| (*at, item))
    }
}

impl Item {
    pub(crate) fn is_leased(&self, now: Instant) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.until > now)
    }

    fn is_leased_to(&self, source: u64, now: Instant) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.until > now && lease.source == source)
    }

    /// Whether it may be what ends its processes (T27).
    fn is_suspect(&self, now: Instant) -> bool {
        let is_expired = self.lease.as_ref().is_some_and(|lease| lease.until <= now);
        self.expired + u32::from(is_expired) >= 2
    }
}

/// What every handle can do.
pub(crate) const CAPABILITIES: Capabilities = Capabilities::IN_PROCESS
    .with_codec()
    .with_durability(Durability::Server)
    .with_replay()
    .with_max_payload(4096)
    .with_max_batch(10)
    .with_lease(LEASE)
    .with_delay(Some(Duration::from_millis(50)))
    .with_dead_letters()
    .without_bounds();

impl Broker {
    pub(crate) fn store(&self, name: &str) -> Arc<Store> {
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(stores.entry(name.to_owned()).or_default())
    }
}

impl Rig for Broker {
    fn open<'a>(&'a self, storage: &'a str) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async { Ok(Arc::new(Handle::new(self.store(storage))) as Arc<dyn Transport>) })
    }

    // It looks through its log again and again, and is no place for large counts.
    fn limits(&self) -> Limits {
        Limits::default().with_full_counts(false)
    }

    fn shares(&self) -> bool {
        true
    }

    fn trouble<'a>(&'a self, storage: &'a str, trouble: Trouble<'a>) -> Option<BoxFuture<'a, Result<(), BoxError>>> {
        let store = self.store(storage);
        let mut state = store.state();
        match trouble {
            Trouble::Cut => state.is_cut = true,
            Trouble::Mend => state.is_cut = false,
            Trouble::Restart => state.restarts += 1,
            Trouble::LoseGroup(name) => _ = state.groups.remove(name),
            Trouble::Write(bytes) => {
                state.log.push(Record { attributes: Vec::new(), data: bytes.into(), not_before: None });
            }
            _ => return None,
        }
        drop(state);
        store.changed.notify_waiters();
        Some(Box::pin(async { Ok(()) }))
    }

    fn refused(&self) -> Option<Message> {
        Message::from_attributes([("type", "conformance.note")], vec![0xff]).ok()
    }

    fn clear<'a>(&'a self, storage: &'a str) -> BoxFuture<'a, ()> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).remove(storage);
        Box::pin(async {})
    }
}

pub(crate) fn letter_id(id: &LetterId) -> Option<u64> {
    id.as_str().parse().ok()
}
