//! What a bus publishes with: its transport, its consumers, and what it counts.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

#[cfg(feature = "serde")]
use super::codecs::Codecs;
use super::{
    answer::Contained,
    dead_letter::DeadStore,
    ledger::{GroupLedger, Intake},
    notices::Notices,
    outbox::Outbox,
    settings::{DeadLetterHook, Settings},
    upcast::Upcasts,
};
use crate::{
    emission::{Bus, Warnings},
    event::isolate,
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
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) memory: Option<Arc<Memory>>,
    /// Whether messages need nothing that must be checked one by one.
    pub(crate) plain: Plain,
    pub(crate) capabilities: Capabilities,
    pub(super) outbox: Arc<Outbox>,
    pub(crate) source: &'static &'static str,
    pub(crate) require_codecs: bool,
    #[cfg(feature = "serde")]
    pub(crate) codecs: Codecs,
    pub(crate) max_hops: u32,
    pub(crate) dead: Arc<DeadStore>,
    pub(crate) dead_letter_hook: Option<DeadLetterHook>,
    pub(crate) notices: Arc<Notices>,
    pub(crate) intake: Intake,
    phase: AtomicU8,
    /// Nothing is published any more from outside handlers: for those that wait.
    pub(crate) closing: CancellationToken,
    /// Everything has been drained: what follows the events of this bus may end.
    pub(crate) ended: CancellationToken,
    ledgers: Mutex<BTreeMap<Arc<str>, Arc<GroupLedger>>>,
    pub(crate) upcasts: Upcasts,
}

/// Whether messages need nothing that must be checked one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Plain {
    Always,
    /// While the interceptors of the bus have nothing to do.
    WhileIdle,
    Never,
}

/// Who may publish.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Everybody.
    Open,
    /// Handlers of this bus: a shutdown drains.
    Draining,
    /// Nobody.
    Closed,
}

impl Publishing {
    /// `is_intercepted` if the bus has interceptors, which look at each message.
    pub(crate) fn new(settings: Settings, is_intercepted: bool, warnings: &Arc<Warnings>) -> Self {
        let Settings { transport, memory, source, require_codecs, max_hops, .. } = settings;
        #[cfg(feature = "serde")]
        let codecs = settings.codecs;
        let Settings { dead_letters, dead_letter_bytes, dead_letter_hook, notices, .. } = settings;
        let notices = Arc::new(notices.with_warnings(warnings));
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
            outbox: Outbox::new(Arc::clone(&transport), &capabilities, Arc::clone(&notices)),
            plain: match require_codecs || capabilities.needs_codec || capabilities.max_payload.is_some() {
                true => Plain::Never,
                false if is_intercepted => Plain::WhileIdle,
                false => Plain::Always,
            },
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
            ledgers: Mutex::default(),
            upcasts: Upcasts::default(),
        }
    }

    pub(crate) fn needs_codec(&self) -> bool {
        self.require_codecs || self.capabilities.needs_codec
    }

    /// How many events were offered and accepted in one step, as most are in memory.
    pub(crate) fn accepted_at_once(&self) -> u64 {
        self.memory.as_ref().map_or(0, |memory| memory.pushed_plain())
    }

    /// Whether a publisher is refused; `inside` if it is a handler of this bus.
    #[inline]
    pub(crate) fn is_closed_for(&self, inside: bool) -> bool {
        let phase = self.phase.load(Ordering::Acquire);
        phase != Phase::Open as u8 && (!inside || phase == Phase::Closed as u8)
    }

    /// Nothing is published any more but by handlers of this bus.
    pub(crate) fn begin_drain(&self) {
        self.phase.fetch_max(Phase::Draining as u8, Ordering::AcqRel);
        self.closing.cancel();
    }

    /// Nothing is published any more.
    pub(crate) fn close_intake(&self) {
        self.phase.store(Phase::Closed as u8, Ordering::Release);
        self.closing.cancel();
    }

    /// The counts of a group; they outlive the group's consumers.
    pub(crate) fn ledger(&self, group: &Arc<str>) -> Arc<GroupLedger> {
        Arc::clone(lock(&self.ledgers).entry(Arc::clone(group)).or_default())
    }

    pub(crate) fn ledgers(&self) -> Vec<(Arc<str>, Arc<GroupLedger>)> {
        lock(&self.ledgers).iter().map(|(name, ledger)| (Arc::clone(name), Arc::clone(ledger))).collect()
    }

    pub(crate) fn forget_ledger(&self, group: &str) {
        lock(&self.ledgers).remove(group);
    }

    /// What the transport says of its groups, if it says so at once.
    pub(crate) fn groups_now(&self) -> Vec<GroupState> {
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

    pub(crate) fn unrouted(&self) -> Unrouted {
        isolate(|| self.transport.unrouted()).unwrap_or_else(|panic| {
            self.notices.error(Operation::Groups, None, &*panic);
            Unrouted::default()
        })
    }

    /// A source whose messages know their codecs.
    #[cfg(feature = "serde")]
    pub(crate) fn with_codecs(&self, source: Arc<dyn Source>) -> Arc<dyn Source> {
        self.codecs.reading(source)
    }

    #[cfg(not(feature = "serde"))]
    #[expect(clippy::unused_self, reason = "the shape that it has with the feature")]
    pub(crate) fn with_codecs(&self, source: Arc<dyn Source>) -> Arc<dyn Source> {
        source
    }

    /// Waits until the transport says that there is room.
    pub(crate) fn room(&self) -> BoxFuture<'_, ()> {
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

impl Drop for Publishing {
    fn drop(&mut self) {
        if !self.ended.is_cancelled() {
            self.warn();
        }
        self.close_intake();
        self.ended.cancel();
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
            let what = if is_in_process { "now discarded" } else { "left to the transport" };
            let line = "the last `Bus` was dropped without a shutdown";
            to_stderr(&format_args!("{line}; deliveries in flight, {what}: {in_flight}"));
        }
    }
}

impl Bus {
    #[inline]
    pub(crate) fn publishing(&self) -> &Publishing {
        self.state.parts.get()
    }
}
