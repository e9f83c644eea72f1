//! What a bus publishes with: its transport, its consumers, and what it counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use super::{
    ConsumerError, Durability, Memory, Message, Transport,
    consumer::Control,
    dead::DeadStore,
    ledger::{GroupLedger, Intake},
    shutdown::Shutdown,
};
use crate::{
    emission::Bus,
    event::isolate,
    listener::BoxError,
    listener::to_stderr,
    sync::{AtomicBool, Mutex, Ordering, lock},
};

/// How publishing is set up, until it is first needed.
pub(crate) struct Settings {
    pub(crate) transport: Box<dyn Transport>,
    source: &'static str,
    pub(crate) require_codecs: bool,
    pub(crate) max_hops: u32,
    pub(crate) dead_letters: usize,
}

impl Settings {
    pub(crate) const MAX_HOPS: u32 = 64;
    pub(crate) const DEAD_LETTERS: usize = 1024;

    pub(crate) fn set_source(&mut self, source: &str) {
        self.source = intern(source);
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            transport: Box::new(Memory::new()),
            source: "eventbus",
            require_codecs: false,
            max_hops: Settings::MAX_HOPS,
            dead_letters: Settings::DEAD_LETTERS,
        }
    }
}

pub(crate) struct Publishing {
    pub(super) transport: Box<dyn Transport>,
    pub(super) source: &'static str,
    pub(super) require_codecs: bool,
    pub(super) max_hops: u32,
    pub(super) dead: Arc<DeadStore>,
    pub(super) intake: Intake,
    /// Nothing is published any more: for those who ask, and for those who wait.
    closed: AtomicBool,
    pub(super) closing: CancellationToken,
    /// Everything has been drained: what follows the events of this bus may end.
    pub(super) ended: CancellationToken,
    pub(super) shutdown: Shutdown,
    ledgers: Mutex<BTreeMap<Arc<str>, Arc<GroupLedger>>>,
    consumers: Mutex<BTreeMap<Arc<str>, Option<Arc<Control>>>>,
}

impl Publishing {
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { transport, source, require_codecs, max_hops, dead_letters } = settings;
        Self {
            transport,
            source,
            require_codecs,
            max_hops,
            dead: Arc::new(DeadStore::new(dead_letters)),
            intake: Intake::default(),
            closed: AtomicBool::new(false),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
            shutdown: Shutdown::default(),
            ledgers: Mutex::default(),
            consumers: Mutex::default(),
        }
    }

    pub(super) fn needs_codec(&self) -> bool {
        self.require_codecs || self.transport.capabilities().needs_codec
    }

    /// The message as the transport is sent it. What carries bytes gets bytes, and may keep them as long as it likes: the event
    /// itself stays here, to be handed back.
    #[cfg(feature = "serde")]
    pub(super) fn written(&self, message: &Message) -> Result<Message, BoxError> {
        if self.transport.capabilities().needs_codec {
            return message.written().map_err(BoxError::from);
        }
        Ok(message.clone())
    }

    #[cfg(not(feature = "serde"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the shape that it has with the feature")]
    pub(super) fn written(&self, message: &Message) -> Result<Message, BoxError> {
        Ok(message.clone())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(super) fn close_intake(&self) {
        self.closed.store(true, Ordering::Release);
        self.closing.cancel();
    }

    /// What is counted of a group; it outlives the group's consumers.
    pub(super) fn ledger(&self, group: &Arc<str>) -> Arc<GroupLedger> {
        Arc::clone(lock(&self.ledgers).entry(Arc::clone(group)).or_default())
    }

    pub(super) fn ledgers(&self) -> Vec<(Arc<str>, Arc<GroupLedger>)> {
        lock(&self.ledgers).iter().map(|(name, ledger)| (Arc::clone(name), Arc::clone(ledger))).collect()
    }

    /// Reserves a group for a consumer that is about to start.
    pub(super) fn seat(&self, group: &Arc<str>) -> Result<Seat<'_>, ConsumerError> {
        let mut consumers = lock(&self.consumers);
        if self.is_closed() {
            return Err(ConsumerError::Closed { group: Arc::clone(group) });
        }
        if consumers.contains_key(group) {
            return Err(ConsumerError::GroupTaken { group: Arc::clone(group) });
        }
        consumers.insert(Arc::clone(group), None);
        Ok(Seat { publishing: self, group: Arc::clone(group) })
    }

    pub(super) fn consumers(&self) -> Vec<Arc<Control>> {
        lock(&self.consumers).values().flatten().cloned().collect()
    }

    /// Frees the group of a consumer that has stopped.
    pub(super) fn leave(&self, control: &Arc<Control>) {
        let mut consumers = lock(&self.consumers);
        let is_its = |seated: &Option<Arc<Control>>| seated.as_ref().is_some_and(|seated| Arc::ptr_eq(seated, control));
        if consumers.get(control.group()).is_some_and(is_its) {
            consumers.remove(control.group());
        }
    }
}

impl Drop for Publishing {
    fn drop(&mut self) {
        if !self.ended.is_cancelled() {
            self.warn();
        }
        self.close_intake();
        self.ended.cancel();
        for control in self.consumers() {
            control.abandon();
        }
    }
}

impl Publishing {
    /// Nobody is left who could be given a report.
    fn warn(&self) {
        let mut in_flight = 0;
        for (_, ledger) in self.ledgers() {
            let ended = ledger.handled.get() + ledger.ignored.get() + ledger.dead_lettered.get();
            in_flight += ledger.received.get().saturating_sub(ledger.given_back.get() + ended);
        }
        // The transport is foreign code. Where it keeps its messages, what waits there is not lost.
        let is_in_process = || self.transport.capabilities().durability == Durability::Process;
        let waiting = || self.transport.groups().iter().filter_map(|group| group.depth).sum::<u64>();
        let what = match isolate(|| is_in_process().then(waiting)) {
            Ok(Some(waiting)) => {
                in_flight += waiting;
                "discarded"
            }
            _ => "left to the transport",
        };
        if in_flight > 0 {
            let line = "the last `Bus` was dropped without a shutdown";
            to_stderr(&format_args!("{line}: {in_flight} deliveries in flight are {what}"));
        }
    }
}

/// A group that is reserved; given up when this is dropped, unless a consumer has taken it.
pub(super) struct Seat<'p> {
    publishing: &'p Publishing,
    group: Arc<str>,
}

impl Seat<'_> {
    pub(super) fn take(self, control: &Arc<Control>) -> Result<(), ConsumerError> {
        let mut consumers = lock(&self.publishing.consumers);
        // A shutdown that began meanwhile has not seen it.
        if self.publishing.is_closed() {
            return Err(ConsumerError::Closed { group: Arc::clone(&self.group) });
        }
        consumers.insert(Arc::clone(&self.group), Some(Arc::clone(control)));
        Ok(())
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut consumers = lock(&self.publishing.consumers);
        if let Some(None) = consumers.get(&self.group) {
            consumers.remove(&self.group);
        }
    }
}

impl Bus {
    pub(super) fn publishing(&self) -> &Publishing {
        let publishing = self.state.above.downcast_ref();
        publishing.expect("every bus is built with it")
    }
}

/// Keeps a bus's source for as long as the process lives, each text once: every message names it, and a counted handle would be
/// the line that all threads fight for. Sources come from the program, not from outside.
fn intern(source: &str) -> &'static str {
    static SOURCES: std::sync::Mutex<BTreeSet<&'static str>> = std::sync::Mutex::new(BTreeSet::new());
    let mut sources = SOURCES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = sources.get(source) {
        return known;
    }
    let kept: &'static str = Box::leak(Box::from(source));
    sources.insert(kept);
    kept
}
