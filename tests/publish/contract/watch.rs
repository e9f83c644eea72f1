//! A memory that notes what it is asked.

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use eventbus::{
    Bus, BusBuilder,
    transport::{
        Answer, BoxFuture, Capabilities, GroupSpec, GroupState, Leased, Memory, Message, Read, Refusal, Settlement,
        Source, Transport, TransportHealth, Unsettled,
    },
};

use crate::support::{Gauge, Job, Log, OnDrop};

thread_local! {
    /// Whether this thread uses the bus inside a call: what it asks the transport is no call to be looked at.
    static IS_USER: Cell<bool> = const { Cell::new(false) };
}

/// What was seen.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) publishing: Gauge,
    pub(super) reading: Gauge,
    pub(super) batches: Log<usize>,
    pub(super) messages: Log<Message>,
    pub(super) asked_for_room: Log<()>,
    pub(super) asked_for: Log<usize>,
    /// Reads that could lease, and were dropped.
    pub(super) given_up: Log<()>,
    pub(super) closed: Log<()>,
    pub(super) opened: Log<()>,
    pub(super) dropped: Log<&'static str>,
    /// How leases ended, and with how many attempts.
    pub(super) ends: Log<(Settlement, u32)>,
    pub(super) used: Log<&'static str>,
    pub(super) held_up: Log<&'static str>,
    leased: AtomicUsize,
    bus: Mutex<Option<Bus>>,
}

impl Seen {
    /// How many leases are out.
    pub(super) fn leased(&self) -> usize {
        self.leased.load(Ordering::SeqCst)
    }

    /// Uses the bus on another thread, as user code does; it must not take long.
    fn uses_bus(&self, call: &'static str) {
        let Some(bus) = self.bus.lock().unwrap().clone() else { return };
        if IS_USER.get() {
            return;
        }
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            IS_USER.set(true);
            let subscription = bus.on::<Job>(|_| {});
            bus.emit(Job(0)).blocking();
            subscription.off();
            drop((bus.stats(), bus.listener_infos()));
            let _ = done.send(());
        });
        let is_held_up = ended.recv_timeout(Duration::from_secs(5)).is_err();
        if is_held_up { &self.held_up } else { &self.used }.add(call);
    }

    fn settled(&self, batch: &[Leased]) {
        self.leased.fetch_sub(batch.len(), Ordering::SeqCst);
        for leased in batch {
            self.ends.add((leased.settlement().clone(), leased.attempts()));
        }
    }
}

#[derive(Clone)]
pub(super) struct Watch {
    memory: Arc<Memory>,
    capabilities: Capabilities,
    at_once: bool,
    pub(super) seen: Arc<Seen>,
}

impl Watch {
    /// Only `publish`, `next` and `settle` answer.
    pub(super) fn later() -> Self {
        Self::over(Memory::new(), false)
    }

    /// Everything answers at once.
    pub(super) fn at_once() -> Self {
        Self::over(Memory::new(), true)
    }

    pub(super) fn over(memory: Memory, at_once: bool) -> Self {
        Self { memory: Arc::new(memory), capabilities: Capabilities::IN_PROCESS, at_once, seen: Arc::default() }
    }

    pub(super) fn says(self, change: impl FnOnce(Capabilities) -> Capabilities) -> Self {
        Self { capabilities: change(self.capabilities), ..self }
    }

    pub(super) fn builder(&self) -> BusBuilder {
        let seen = Arc::clone(&self.seen);
        let on_drop = OnDrop(move || seen.dropped.add("transport"));
        Bus::builder().transport(Watched { watch: self.clone(), _on_drop: Box::new(on_drop) }).on_warning(|_| {})
    }

    pub(super) fn bus(&self) -> Bus {
        self.builder().build()
    }

    /// Uses this bus in each call from now on.
    pub(super) fn uses(&self, bus: &Bus) {
        *self.seen.bus.lock().unwrap() = Some(bus.clone());
    }

    pub(super) fn forgets(&self) {
        let bus = self.seen.bus.lock().unwrap().take();
        drop(bus);
    }

    async fn publish_all(&self, batch: &[Message]) -> Vec<Result<(), Refusal>> {
        let _one = self.seen.publishing.enter();
        self.seen.uses_bus("publish");
        self.seen.batches.add(batch.len());
        // Long enough for others to come.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let answers = self.memory.publish(batch).await;
        // What is refused is not kept.
        for (message, _) in batch.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()) {
            self.seen.messages.add(message.clone());
        }
        answers
    }
}

struct Watched {
    watch: Watch,
    _on_drop: Box<dyn Send + Sync>,
}

impl Transport for Watched {
    fn capabilities(&self) -> Capabilities {
        self.watch.capabilities
    }

    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        if !self.watch.at_once {
            return Err(Refusal::WouldWait);
        }
        self.watch.seen.uses_bus("publish");
        let offered: Vec<_> = batch.iter().flatten().cloned().collect();
        let taken = self.watch.memory.try_publish(batch);
        let left = batch.iter().flatten().count();
        for message in &offered[..offered.len() - left] {
            self.watch.seen.messages.add(message.clone());
        }
        taken
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        Box::pin(self.watch.publish_all(batch))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        self.watch.seen.asked_for_room.add(());
        self.watch.memory.ready()
    }

    fn subscribe(&self, group: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        self.watch.seen.opened.add(());
        self.watch.seen.uses_bus("subscribe");
        Box::pin(async move {
            let source = self.watch.memory.subscribe(group).await?;
            let source = WatchedSource { source, at_once: self.watch.at_once, seen: Arc::clone(&self.watch.seen) };
            Ok(Arc::new(source) as Arc<dyn Source>)
        })
    }

    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        self.watch.seen.uses_bus("groups");
        self.watch.memory.groups()
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        self.watch.seen.uses_bus("remove a group");
        self.watch.memory.remove_group(name)
    }

    fn health(&self) -> BoxFuture<'_, TransportHealth> {
        self.watch.seen.uses_bus("health");
        self.watch.memory.health()
    }

    fn close(&self, deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.watch.seen.uses_bus("close");
        self.watch.memory.close(deadline)
    }
}

struct WatchedSource {
    source: Arc<dyn Source>,
    at_once: bool,
    seen: Arc<Seen>,
}

impl Source for WatchedSource {
    // It must not call the bus, and does not.
    fn try_next(&self, max: usize, into: &mut Vec<Leased>) -> Option<Read> {
        if !self.at_once {
            return None;
        }
        let from = into.len();
        let read = self.source.try_next(max, into);
        self.seen.leased.fetch_add(into.len() - from, Ordering::SeqCst);
        read
    }

    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        self.seen.uses_bus("next");
        let reading = self.seen.reading.enter();
        if !self.at_once {
            self.seen.asked_for.add(max);
        }
        let seen = Arc::clone(&self.seen);
        let given_up = OnDrop(move || seen.given_up.add(()));
        Box::pin(async move {
            let from = into.len();
            let read = self.source.next(max, into).await;
            std::mem::forget(given_up);
            drop(reading);
            self.seen.leased.fetch_add(into.len() - from, Ordering::SeqCst);
            read
        })
    }

    fn try_settle(&self, batch: &mut Vec<Leased>) -> bool {
        if !self.at_once {
            return false;
        }
        self.seen.uses_bus("settle");
        self.seen.settled(batch);
        self.source.try_settle(batch)
    }

    fn settle(&self, batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        self.seen.uses_bus("settle");
        self.seen.settled(&batch);
        self.source.settle(batch)
    }

    fn worker_waits(&self, waits: bool) {
        self.source.worker_waits(waits);
    }

    fn close(&self) -> Answer<'_, ()> {
        self.seen.uses_bus("close a source");
        self.seen.closed.add(());
        self.source.close()
    }
}

impl Drop for WatchedSource {
    fn drop(&mut self) {
        self.seen.dropped.add("source");
    }
}
