//! Floor 12: events that are kept until it is certain that they have happened: after the commit, not before.

mod kept;
mod publish;
mod release;

use std::{
    any::Any,
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, PoisonError},
};

pub use kept::Unpublished;
use kept::{Kept, KeptEvent, ToEmit};
pub use publish::DeferredPublish;
pub use release::{Release, ReleaseError, Released};

#[cfg(feature = "serde")]
use crate::named::{Json, ReadJsonError};
use crate::{
    call::{AnyEvent, Isolated},
    emission::{Bus, EmitAny},
    event::{Event, IntoEvent},
    named::EmitNameError,
    sync::{Mutex, lock},
};

/// Events to be emitted later, or never; made by [`Bus::deferred`].
///
/// A unit of work that may still fail, such as a transaction, emits here. When it has succeeded, [`release`](Self::release)
/// emits what was kept, in order; when it has not, dropping this forgets it. Nothing runs before.
///
/// Events are taken through `&self`, so that all who take part can share it by reference or in an `Arc`. It holds the bus.
/// What is kept, released and discarded is counted in [`Bus::stats`].
///
/// **It lives in this process.** A crash between the commit and the release loses what was kept; where that may not be, store
/// the events in the transaction.
///
/// **Re-entrancy:** may be used inside listeners, also inside those that its own release calls.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName, ReleaseError};
/// # struct UserCreated { id: u64 }
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// # struct Transaction;
/// # impl Transaction { async fn commit(self) -> Result<(), ReleaseError> { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), ReleaseError> {
/// # let tx = Transaction;
/// let bus = Bus::new();
/// bus.on::<UserCreated>(|e| println!("welcome, user {}", e.id));
///
/// let pending = bus.deferred();
/// pending.emit(UserCreated { id: 7 }); // kept
/// tx.commit().await?;                  // if this fails, nobody hears of it
///
/// let released = pending.release().await.into_result()?;
/// assert_eq!(released.reports().len(), 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it discards what it keeps; `.release()` emits that"]
pub struct Deferred {
    bus: Bus,
    kept: Mutex<Kept>,
}

impl Bus {
    /// Makes a place where events are kept until it is sure that they have happened.
    pub fn deferred(&self) -> Deferred {
        Deferred::holding(self.clone(), VecDeque::new())
    }
}

impl Deferred {
    fn holding(bus: Bus, kept: VecDeque<Box<dyn KeptEvent>>) -> Self {
        Self { kept: Mutex::new(Kept::new(bus.clone(), kept)), bus }
    }

    /// Keeps an event, behind those that are kept. By value or in an `Arc`; nothing runs.
    ///
    /// # Panics
    ///
    /// Panics if another type with the event's name and version has been used on this bus, as [`Bus::emit`] does: here, where
    /// the mistake is, and not at the release.
    #[track_caller]
    pub fn emit<I: IntoEvent>(&self, event: I) {
        let slot = Arc::clone(self.bus.slot_of::<I::Event>());
        let event = AnyEvent::shared(I::Event::TYPE, event.into_arc());
        Kept::keep(&self.kept, Box::new(ToEmit { slot, event: Isolated::new(event) }));
    }

    /// Keeps a value to be emitted under a name, as [`Bus::emit_name`] does. Whose name that is, is decided here: a type that claims it
    /// before the release gets nothing.
    ///
    /// # Errors
    ///
    /// As [`Bus::emit_name`], which hands the value back. Nothing is kept then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::Bus;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// bus.on_pattern("plugin.**", |e| println!("{}", e.name()))?;
    ///
    /// let pending = bus.deferred();
    /// pending.emit_name("plugin.loaded", 7_u8)?;
    /// pending.release().blocking().into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn emit_name<T: Any + Send + Sync>(&self, name: &str, value: T) -> Result<(), EmitNameError<T>> {
        self.keep_any(self.bus.emit_name(name, value)?);
        Ok(())
    }

    /// Keeps JSON to be emitted under a name, as [`Bus::emit_json`] does. It is decoded here.
    ///
    /// # Errors
    ///
    /// As [`Bus::emit_json`]. Nothing is kept then.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # fn main() -> Result<(), eventbus::BoxError> {
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// bus.on_pattern("plugin.**", |e| println!("{} {:?}", e.name(), e.to_json()))?;
    ///
    /// let pending = bus.deferred();
    /// pending.emit_json("plugin.loaded", r#"{"id": 7}"#)?;
    /// pending.release().blocking().into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "serde")]
    pub fn emit_json<'a>(&self, name: &str, json: impl Into<Json<'a>>) -> Result<(), ReadJsonError> {
        self.keep_any(self.bus.emit_json(name, json)?);
        Ok(())
    }

    fn keep_any(&self, emit: EmitAny<'_>) {
        let Some((slot, event)) = emit.into_event() else { unreachable!("it has not been polled") };
        Kept::keep(&self.kept, Box::new(ToEmit { slot: Arc::clone(slot), event: Isolated::new(event) }));
    }

    /// Keeps an event to be published, behind those that are kept; see [`Bus::publish`]. What cannot be published when it is
    /// released is in [`Released::unpublished`](crate::Released::unpublished).
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated { id: u64 }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// let pending = bus.deferred();
    /// pending.publish(UserCreated { id: 7 });
    /// pending.publish(UserCreated { id: 8 }).key("8");
    /// // .. the transaction commits ..
    /// pending.release().await.into_result()?;
    /// assert_eq!(bus.stats().published.accepted, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish<I: IntoEvent>(&self, event: I) -> DeferredPublish<'_, I::Event> {
        DeferredPublish::new(&self.kept, event.into_arc())
    }

    /// How many events are kept.
    pub fn len(&self) -> usize {
        lock(&self.kept).events.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what is kept into a `Deferred` of its own; this one goes on empty.
    ///
    /// For one that is shared: whoever has an `Arc<Deferred>` releases by `shared.take().release()`. What others emit to the
    /// shared one meanwhile, such as listeners that the release calls, is kept for the next `take`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// use std::sync::Arc;
    /// # use eventbus_core::{Bus, Event, EventName, ReleaseError};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// struct Users { events: Arc<eventbus::Deferred> }
    ///
    /// let bus = Bus::new();
    /// let events = Arc::new(bus.deferred());
    /// let users = Users { events: events.clone() };
    /// users.events.emit(UserCreated);
    ///
    /// let released = events.take().release().blocking().into_result()?;
    /// assert_eq!((released.reports().len(), events.len()), (1, 0));
    /// # Ok::<(), ReleaseError>(())
    /// ```
    pub fn take(&self) -> Self {
        let events = mem::take(&mut lock(&self.kept).events);
        Self::holding(self.bus.clone(), events)
    }

    /// Emits what is kept: one after the other, in order, each when the one before it has ended. A listener that fails keeps
    /// nothing back; it is in the report of its event.
    ///
    /// The emissions are caused by the code that releases, not by the code that kept the events. Where no listener releases, but
    /// the `Deferred` was made through the bus of a [`Context`](crate::Context), they are caused by that emission, as all that is
    /// emitted through that handle.
    pub fn release(self) -> Release {
        Release::new(self.kept.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Drops what is kept, as dropping this does; how many events there were. A panic in the drop of one is contained.
    pub fn discard(self) -> usize {
        self.len()
    }
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = lock(&self.kept).events.iter().map(|event| event.name().to_owned()).collect();
        // Names only: what is in the events may be no log's business.
        f.debug_struct("Deferred").field("events", &names).finish_non_exhaustive()
    }
}
