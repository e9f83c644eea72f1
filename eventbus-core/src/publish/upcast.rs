//! Reading events of an older version as a newer one.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    panic::Location,
    sync::Arc,
};

use crate::{
    bus::NameTaken,
    call::Isolated,
    emission::Bus,
    event::{Event, EventType},
    sync::{Mutex, lock},
};

/// An event whose type is forgotten.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// How an event of one type is read as one of another.
#[derive(Clone)]
pub(crate) struct Upcast {
    pub(crate) from: &'static EventType,
    pub(crate) to: &'static EventType,
    convert: Arc<Isolated<Convert>>,
    location: &'static Location<'static>,
}

type Convert = Box<dyn Fn(&(dyn Any + Send + Sync)) -> Shared + Send + Sync>;

impl Upcast {
    pub(crate) fn convert(&self, event: &Shared) -> Shared {
        (self.convert.get())(&**event)
    }
}

/// The upcasts of a bus, by the type from which they read: one for each.
#[derive(Default)]
pub(crate) struct Upcasts(Mutex<HashMap<TypeId, Upcast>>);

impl Upcasts {
    pub(crate) fn all(&self) -> HashMap<TypeId, Upcast> {
        lock(&self.0).clone()
    }

    fn add(&self, upcast: Upcast) -> Result<(), UpcastError> {
        let mut all = lock(&self.0);
        if let Some(first) = all.get(&upcast.from.id()) {
            return Err(UpcastError::Taken { from: first.from, to: first.to, location: first.location });
        }
        let mut next = Some(upcast.to);
        while let Some(event) = next {
            if event.id() == upcast.from.id() {
                return Err(UpcastError::Circle { from: upcast.from, to: upcast.to });
            }
            next = all.get(&event.id()).map(|next| next.to);
        }
        all.insert(upcast.from.id(), upcast);
        Ok(())
    }
}

impl Bus {
    /// Reads published events of type `Old` as `New`, for consumers that start from now on: a group that handles `New`, and not
    /// `Old`, gets those, too. Upcasts follow one another: with one from version 1 to 2 and one from 2 to 3, a group that handles
    /// version 3 gets all three.
    ///
    /// The message stays what it is: its [`name`](crate::Message::name), [`version`](crate::Message::version) and bytes are those that
    /// were published, also in a dead letter. Listeners are not concerned: what is emitted is of one version.
    ///
    /// # Errors
    ///
    /// [`UpcastError`]: there is one from `Old` already, it would lead back to `Old`, or a name is claimed by another type.
    ///
    /// # Panics
    ///
    /// `convert` may panic: that is a failed attempt of the delivery, as a handler's panic is.
    ///
    /// # Re-entrancy
    ///
    /// `convert` runs in the handler's place, and may use the bus as a handler does. Where the consumer has a key
    /// function it is called once more, when the key is computed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// struct UserCreated { name: String }
    /// struct UserCreated2 { first: String, last: String }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # impl Event for UserCreated2 {
    /// #     const NAME: EventName = EventName::new("user.created");
    /// #     const VERSION: u32 = 2;
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// bus.upcast(|old: &UserCreated| {
    ///     let (first, last) = old.name.split_once(' ').unwrap_or((&old.name, ""));
    ///     UserCreated2 { first: first.into(), last: last.into() }
    /// })?;
    /// bus.consumer("mailer").handle::<UserCreated2>(|e, _| async move { println!("{}, {}", e.last, e.first) }).start().await?;
    /// bus.publish(UserCreated { name: "Ada Lovelace".into() }).await?;
    /// # bus.drained(std::time::Duration::from_secs(5)).await?;
    /// # assert_eq!(bus.stats().deliveries().handled, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn upcast<Old: Event, New: Event>(
        &self,
        convert: impl Fn(&Old) -> New + Send + Sync + 'static,
    ) -> Result<(), UpcastError> {
        let location = Location::caller();
        self.declare_at::<Old>(location)?;
        self.declare_at::<New>(location)?;
        let convert: Convert = Box::new(move |event| match event.downcast_ref() {
            Some(old) => Arc::new(convert(old)),
            None => unreachable!("an upcast is found by the type of the event"),
        });
        let convert = Arc::new(Isolated::new(convert));
        self.publishing().upcasts.add(Upcast { from: Old::TYPE, to: New::TYPE, convert, location })
    }
}

/// An error returned by [`Bus::upcast`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpcastError {
    /// Events of that type are read as another one already.
    #[error("`{}` is read as `{}` already ({location}); remove one of the two", .from.wire_type(), .to.wire_type())]
    Taken {
        /// The type from which both read.
        from: &'static EventType,
        /// As what the first one reads it.
        to: &'static EventType,
        /// Where the first one was given.
        location: &'static Location<'static>,
    },
    /// The upcasts would lead in a circle.
    #[error("`{}` cannot be read as `{}`: that is read as `{}` in turn", .from.wire_type(), .to.wire_type(), .from.wire_type())]
    Circle {
        /// The type from which it reads.
        from: &'static EventType,
        /// The type as which it would read it.
        to: &'static EventType,
    },
    /// One of the two names is claimed by another type.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
}
