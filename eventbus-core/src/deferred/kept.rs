//! Kept events: each knows how it is emitted or published.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    call::{AnyEvent, Isolated, MessageId},
    emission::{Bus, EmitAny},
    event::Event,
    publish::{Publish, PublishError},
    registry::Slot,
    sync::{Mutex, lock},
};

/// The events that are kept. Dropped, it counts what is left of them as discarded.
pub(super) struct Kept {
    bus: Bus,
    pub(super) events: VecDeque<Box<dyn KeptEvent>>,
}

impl Kept {
    pub(super) fn new(bus: Bus, events: VecDeque<Box<dyn KeptEvent>>) -> Self {
        Self { bus, events }
    }

    /// Keeps an event, behind the others.
    pub(super) fn keep(kept: &Mutex<Self>, event: Box<dyn KeptEvent>) {
        let mut kept = lock(kept);
        // Under the lock: it shall not be counted as gone before it is counted as kept.
        kept.bus.state.kept_events.keep();
        kept.events.push_back(event);
    }

    /// The next event, which is released from now on.
    pub(super) fn next(&mut self) -> Option<Box<dyn KeptEvent>> {
        let event = self.events.pop_front()?;
        self.bus.state.kept_events.release();
        Some(event)
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn bus(&self) -> &Bus {
        &self.bus
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for event in self.events.drain(..) {
            self.bus.state.kept_events.discard();
            drop(event);
        }
    }
}

/// An event that is kept, and what is to be done with it. Its drop does not panic, whatever the event's does.
pub(super) trait KeptEvent: Send + Sync {
    fn name(&self) -> &str;

    fn release<'b>(&'b self, bus: &'b Bus) -> ReleaseStep<'b>;
}

/// How an event is released.
pub(super) enum ReleaseStep<'b> {
    Emit(EmitAny<'b>),
    Publish(Box<dyn PublishStep + 'b>),
}

/// The publishing of an event whose type is forgotten.
pub(super) trait PublishStep: Send {
    /// Waits for room, at most until then.
    fn wait<'s>(
        self: Box<Self>,
        tokens: &[CancellationToken],
        deadline: Option<Instant>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Unpublished>> + Send + 's>>
    where
        Self: 's;

    /// Does not wait.
    fn at_once(self: Box<Self>) -> Result<(), Unpublished>;
}

/// An event for the listeners.
pub(super) struct ToEmit {
    pub(super) slot: Arc<Slot>,
    /// Shared with its emission, and dropped after it: so a `Drop` that panics does not take the report along.
    pub(super) event: Isolated<AnyEvent<'static>>,
}

impl KeptEvent for ToEmit {
    fn name(&self) -> &str {
        self.event.get().name()
    }

    fn release<'b>(&'b self, bus: &'b Bus) -> ReleaseStep<'b> {
        ReleaseStep::Emit(EmitAny::new(bus, &self.slot, self.event.get().clone()))
    }
}

/// An event for the transport.
pub(super) struct ToPublish<E> {
    pub(super) event: Isolated<Arc<E>>,
    pub(super) key: Option<Box<str>>,
    pub(super) id: Option<MessageId>,
    pub(super) dedupe: Option<Duration>,
    pub(super) when: Option<ReleaseTime>,
}

/// When handlers may get it.
pub(super) enum ReleaseTime {
    /// So long after its release.
    After(Duration),
    At(SystemTime),
}

impl<E: Event> KeptEvent for ToPublish<E> {
    fn name(&self) -> &str {
        E::NAME.as_str()
    }

    fn release<'b>(&'b self, bus: &'b Bus) -> ReleaseStep<'b> {
        let Self { event, key, id, dedupe, when } = self;
        let mut publish = bus.publish(Arc::clone(event.get()));
        if let Some(key) = key {
            publish = publish.key(key.clone());
        }
        if let Some(id) = id {
            publish = publish.id(*id);
        }
        if let Some(window) = dedupe {
            publish = publish.dedupe(*window);
        }
        ReleaseStep::Publish(Box::new(match when {
            Some(ReleaseTime::After(delay)) => publish.after(*delay),
            Some(ReleaseTime::At(time)) => publish.at(*time),
            None => publish,
        }))
    }
}

impl<E: Event> PublishStep for Publish<'_, Arc<E>> {
    fn wait<'s>(
        self: Box<Self>,
        tokens: &[CancellationToken],
        deadline: Option<Instant>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Unpublished>> + Send + 's>>
    where
        Self: 's,
    {
        let publish = tokens.iter().fold(*self, Publish::cancel_on);
        let publish = match deadline {
            Some(deadline) => publish.timeout(deadline.saturating_duration_since(Instant::now())),
            None => publish,
        };
        Box::pin(async move { publish.await.map_err(unpublished) })
    }

    fn at_once(self: Box<Self>) -> Result<(), Unpublished> {
        (*self).at_once().map_err(|error| unpublished(error.into()))
    }
}

fn unpublished<E: Event>(error: PublishError<Arc<E>>) -> Unpublished {
    Unpublished { event: E::NAME, error: Arc::new(error) }
}

/// An event that was kept to be published, and has not been.
#[derive(Clone, thiserror::Error)]
#[error("{}", crate::listener::ErrorText::alone(&**error))]
#[non_exhaustive]
pub struct Unpublished {
    /// The event's name.
    pub event: crate::event::EventName,
    /// Why: a `PublishError<Arc<E>>`, which has the event.
    pub error: std::sync::Arc<dyn std::error::Error + Send + Sync>,
}

impl fmt::Debug for Unpublished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unpublished({self})")
    }
}
