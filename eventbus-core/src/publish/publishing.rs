//! What a bus publishes with: its transport, its consumers, and what it counts.

use std::{any::Any, collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

#[cfg(feature = "serde")]
use super::codecs::Codecs;
use super::{
    answer::Contained,
    consumer::{ConsumerError, Control},
    dead_letter::DeadStore,
    ledger::{GroupLedger, Intake},
    notices::Notices,
    outbox::Outbox,
    settings::{DeadLetterHook, Settings},
    shutdown_report::Shutdown,
    upcast::Upcasts,
};
use crate::{
    emission::{Above, Bus},
    event::{EventType, isolate},
    listener::to_stderr,
    memory::Memory,
    sync::{AtomicU8, Mutex, Ordering, lock},
    transport::{
        Answer, BoxFuture, Capabilities, Durability, GroupState, Operation, Source, Transport, TransportReports,
        Unrouted,
    },
};

/// How long after a panic a transport is asked again whether there is room.
const ASK_AGAIN: Duration = Duration::from_millis(50);

pub(crate) struct Publishing {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) memory: Option<Arc<Memory>>,
    /// Messages need nothing that must be checked one by one.
    pub(super) is_plain: bool,
    pub(super) capabilities: Capabilities,
    pub(super) outbox: Arc<Outbox>,
    pub(super) source: &'static &'static str,
    pub(super) require_codecs: bool,
    #[cfg(feature = "serde")]
    pub(super) codecs: Codecs,
    pub(super) max_hops: u32,
    pub(super) dead: Arc<DeadStore>,
    pub(super) dead_letter_hook: Option<DeadLetterHook>,
    pub(super) notices: Arc<Notices>,
    pub(super) intake: Intake,
    phase: AtomicU8,
    /// Nothing is published any more from outside handlers: for those that wait.
    pub(super) closing: CancellationToken,
    /// Everything has been drained: what follows the events of this bus may end.
    pub(super) ended: CancellationToken,
    pub(super) shutdown: Shutdown,
    ledgers: Mutex<BTreeMap<Arc<str>, Arc<GroupLedger>>>,
    consumers: Mutex<BTreeMap<Arc<str>, Option<Arc<Control>>>>,
    pub(super) upcasts: Upcasts,
}

/// Who may publish.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(super) enum Phase {
    /// Everybody.
    Open,
    /// Handlers of this bus: a shutdown drains.
    Draining,
    /// Nobody.
    Closed,
}

impl Publishing {
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { transport, memory, source, require_codecs, max_hops, .. } = settings;
        #[cfg(feature = "serde")]
        let codecs = settings.codecs;
        let Settings { dead_letters, dead_letter_bytes, dead_letter_hook, notices, .. } = settings;
        let notices = Arc::new(notices);
        let capabilities = match isolate(|| transport.capabilities()) {
            Ok(capabilities) => capabilities,
            Err(message) => {
                notices.error(Operation::Capabilities, None, &*message);
                Capabilities::IN_PROCESS
                    .without_bounds()
                    .with_ordering(crate::transport::Ordering::None)
                    .with_delay(None)
            }
        };
        if let Err(message) = isolate(|| transport.attach(TransportReports::new(&notices))) {
            notices.error(Operation::Background, None, &*message);
        }
        Self {
            outbox: Outbox::new(Arc::clone(&transport), capabilities.max_batch, Arc::clone(&notices)),
            is_plain: !require_codecs && !capabilities.needs_codec && capabilities.max_payload.is_none(),
            transport,
            memory,
            capabilities,
            source,
            require_codecs,
            #[cfg(feature = "serde")]
            codecs,
            max_hops,
            dead: Arc::new(DeadStore::new(dead_letters, dead_letter_bytes)),
            dead_letter_hook,
            notices,
            intake: Intake::default(),
            phase: AtomicU8::new(Phase::Open as u8),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
            shutdown: Shutdown::default(),
            ledgers: Mutex::default(),
            consumers: Mutex::default(),
            upcasts: Upcasts::default(),
        }
    }

    pub(super) fn needs_codec(&self) -> bool {
        self.require_codecs || self.capabilities.needs_codec
    }

    /// Whether a publisher is refused; `inside` if it is a handler of this bus.
    #[inline]
    pub(super) fn is_closed_for(&self, inside: bool) -> bool {
        let phase = self.phase.load(Ordering::Acquire);
        phase != Phase::Open as u8 && (!inside || phase == Phase::Closed as u8)
    }

    /// Nothing is published any more but by handlers of this bus.
    pub(super) fn begin_drain(&self) {
        self.phase.fetch_max(Phase::Draining as u8, Ordering::AcqRel);
        self.closing.cancel();
    }

    /// Nothing is published any more.
    pub(super) fn close_intake(&self) {
        self.phase.store(Phase::Closed as u8, Ordering::Release);
        self.closing.cancel();
    }

    /// The counts of a group; they outlive the group's consumers.
    pub(super) fn ledger(&self, group: &Arc<str>) -> Arc<GroupLedger> {
        Arc::clone(lock(&self.ledgers).entry(Arc::clone(group)).or_default())
    }

    pub(super) fn ledgers(&self) -> Vec<(Arc<str>, Arc<GroupLedger>)> {
        lock(&self.ledgers).iter().map(|(name, ledger)| (Arc::clone(name), Arc::clone(ledger))).collect()
    }

    pub(super) fn forget_ledger(&self, group: &str) {
        lock(&self.ledgers).remove(group);
    }

    /// Reserves a group for a consumer that is about to start. One whose tasks have all ended with their runtime is taken
    /// over.
    pub(super) fn reserve(&self, group: &Arc<str>) -> Result<Reservation<'_>, ConsumerError> {
        let dead = lock(&self.consumers).get(group).cloned().flatten().filter(|control| control.is_dead());
        if let Some(control) = dead {
            control.end_now();
            self.leave(&control);
        }
        let mut consumers = lock(&self.consumers);
        if self.is_closed_for(false) {
            return Err(ConsumerError::Closed { group: Arc::clone(group) });
        }
        if consumers.contains_key(group) {
            return Err(ConsumerError::GroupTaken { group: Arc::clone(group) });
        }
        consumers.insert(Arc::clone(group), None);
        Ok(Reservation { publishing: self, group: Arc::clone(group) })
    }

    pub(super) fn consumers(&self) -> Vec<Arc<Control>> {
        lock(&self.consumers).values().flatten().cloned().collect()
    }

    /// Whether a consumer reads a group, or is about to.
    pub(super) fn is_consumed(&self, group: &str) -> bool {
        lock(&self.consumers).contains_key(group)
    }

    /// Frees the group of a consumer that has stopped.
    pub(super) fn leave(&self, control: &Arc<Control>) {
        let mut consumers = lock(&self.consumers);
        let is_its = |taken: &Option<Arc<Control>>| taken.as_ref().is_some_and(|taken| Arc::ptr_eq(taken, control));
        if consumers.get(control.group()).is_some_and(is_its) {
            consumers.remove(control.group());
        }
    }

    /// What the transport says of its groups, if it says so at once.
    pub(super) fn groups_now(&self) -> Vec<GroupState> {
        let answer = isolate(|| {
            let answer: Answer<'_, _> = self.transport.groups();
            futures_util::FutureExt::now_or_never(answer)
        });
        match answer {
            Ok(Some(Ok(groups))) => groups,
            Ok(Some(Err(error))) => {
                self.notices.error(Operation::Groups, None, error);
                Vec::new()
            }
            Ok(None) => Vec::new(),
            Err(message) => {
                self.notices.error(Operation::Groups, None, &*message);
                Vec::new()
            }
        }
    }

    pub(super) fn unrouted(&self) -> Unrouted {
        isolate(|| self.transport.unrouted()).unwrap_or_else(|panic| {
            self.notices.error(Operation::Groups, None, &*panic);
            Unrouted::default()
        })
    }

    /// A source whose messages know their codecs.
    #[cfg(feature = "serde")]
    pub(super) fn with_codecs(&self, source: Arc<dyn Source>) -> Arc<dyn Source> {
        self.codecs.reading(source)
    }

    #[cfg(not(feature = "serde"))]
    #[expect(clippy::unused_self, reason = "the shape that it has with the feature")]
    pub(super) fn with_codecs(&self, source: Arc<dyn Source>) -> Arc<dyn Source> {
        source
    }

    /// Waits until the transport says that there is room.
    pub(super) fn room(&self) -> BoxFuture<'_, ()> {
        if self.memory.is_some() {
            return self.transport.ready();
        }
        let ready = isolate(|| self.transport.ready()).map(Contained::new);
        Box::pin(async move {
            let answer = match ready {
                Ok(ready) => ready.await,
                Err(panic) => Err(panic),
            };
            if let Err(panic) = answer {
                self.notices.error(Operation::Publish, None, &*panic);
                // Of room nothing is known. Asking again at once would hold the thread.
                if let Ok(pause) = isolate(|| tokio::time::sleep(ASK_AGAIN)) {
                    pause.await;
                }
            }
        })
    }
}

impl Above for Publishing {
    fn groups_of(&self, name: &str, version: u32) -> Vec<Arc<str>> {
        let handles = |control: &Arc<Control>| control.handles(name, version);
        self.consumers().iter().filter(|control| handles(control)).map(|control| Arc::clone(control.group())).collect()
    }

    fn unheard(&self, event: &'static EventType) {
        if let Some(group) = self.groups_of(event.name().as_str(), event.version()).first() {
            self.notices.emitted(event, group);
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
    /// Nobody is left to whom a report could be given.
    fn warn(&self) {
        let held = |(_, ledger): &(Arc<str>, Arc<GroupLedger>)| ledger.held();
        let mut in_flight: u64 = self.ledgers().iter().map(held).sum();
        // Where the transport keeps its messages, what waits there is not lost.
        let is_in_process = self.capabilities.durability == Durability::Process;
        if is_in_process {
            in_flight += self.groups_now().iter().map(|group| group.depth.unwrap_or(0) + group.delayed).sum::<u64>();
            in_flight += self.unrouted().waiting;
        }
        if in_flight > 0 {
            let what = if is_in_process { "discarded" } else { "left to the transport" };
            let line = "the last `Bus` was dropped without a shutdown";
            to_stderr(&format_args!("{line}: {in_flight} deliveries in flight are {what}"));
        }
    }
}

/// A group that is reserved; given up when this is dropped, unless a consumer has taken it.
pub(super) struct Reservation<'p> {
    publishing: &'p Publishing,
    group: Arc<str>,
}

impl Reservation<'_> {
    pub(super) fn take(self, control: &Arc<Control>) -> Result<(), ConsumerError> {
        let mut consumers = lock(&self.publishing.consumers);
        // A shutdown that began meanwhile has not seen it.
        if self.publishing.is_closed_for(false) {
            return Err(ConsumerError::Closed { group: Arc::clone(&self.group) });
        }
        consumers.insert(Arc::clone(&self.group), Some(Arc::clone(control)));
        Ok(())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut consumers = lock(&self.publishing.consumers);
        if let Some(None) = consumers.get(&self.group) {
            consumers.remove(&self.group);
        }
    }
}

impl Bus {
    #[inline]
    pub(super) fn publishing(&self) -> &Publishing {
        let above: &dyn Any = &*self.state.above;
        above.downcast_ref().expect("every bus is built with it")
    }
}
