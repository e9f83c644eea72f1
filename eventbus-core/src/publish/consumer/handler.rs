//! Code that handles deliveries, and the form in which a consumer keeps it.

use std::{any::Any, marker::PhantomData, sync::Arc};

use super::{AttemptError, Delivery};
use crate::{
    call::{AnyEvent, Isolated, ListenerFuture},
    event::Event,
    listener::{BoxError, Return, async_callable},
    publish::{BoxFuture, Message, message::MessageContent, typed::TypedKind},
};

async_callable! {
    /// A closure that handles deliveries of an event: `Fn(Arc<E>, Delivery) -> Future`.
    HandlerFn[E](Arc<E>, Delivery)
}
async_callable! {
    /// A closure that handles deliveries by name: `Fn(AnyEvent<'static>, Delivery) -> Future`.
    NameHandlerFn[](AnyEvent<'static>, Delivery)
}

/// Handles the deliveries of an event: for handlers that are values, chosen or stored at run time.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Event, EventName};
/// # struct UserCreated { email: String }
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// use std::sync::Arc;
/// use eventbus_core::{BoxError, BoxFuture, Bus, Delivery, Handler};
///
/// struct Mailer { from: String }
///
/// impl Handler<UserCreated> for Mailer {
///     fn handle(&self, event: Arc<UserCreated>, _: Delivery) -> BoxFuture<'_, Result<(), BoxError>> {
///         Box::pin(async move {
///             println!("{} -> {}", self.from, event.email);
///             Ok(())
///         })
///     }
/// }
///
/// let chosen: Arc<dyn Handler<UserCreated>> = Arc::new(Mailer { from: "shop@example.org".into() });
/// let bus = Bus::new();
/// let consumer = bus.consumer("mailer").handler(chosen);
/// ```
pub trait Handler<E: Event>: Send + Sync + 'static {
    /// Handles a delivery.
    ///
    /// # Errors
    ///
    /// What went wrong; the delivery is then tried again, as the consumer's [`Retry`](super::Retry) says.
    fn handle(&self, event: Arc<E>, delivery: Delivery) -> BoxFuture<'_, Result<(), BoxError>>;
}

/// A handler, its event's type forgotten.
pub(super) trait AnyHandler: Send + Sync {
    /// Begins to handle a delivery.
    fn begin(&self, delivery: Delivery) -> Result<ListenerFuture, AttemptError>;

    /// What the consumer's key function says of the message's event.
    fn key(&self, _message: &Message) -> Option<u64> {
        None
    }

    /// What it knows of its event's type.
    fn kind(&self) -> Option<&'static TypedKind> {
        None
    }
}

/// A handler of a type. Its code is foreign, its drop included.
pub(super) struct Typed<E, F> {
    code: Isolated<F>,
    key: Option<super::keys::Key<E>>,
    _event: PhantomData<fn(&E)>,
}

impl<E: Event, F> Typed<E, F> {
    pub(super) fn new(code: Isolated<F>, key: Option<super::keys::Key<E>>) -> Self {
        Self { code, key, _event: PhantomData }
    }
}

impl<E: Event, F: HandlerFn<E>> AnyHandler for Typed<E, F> {
    fn begin(&self, delivery: Delivery) -> Result<ListenerFuture, AttemptError> {
        let future = (self.code.get())(event_of::<E>(&delivery.message)?, delivery);
        Ok(Box::pin(async move { future.await.into_result() }))
    }

    fn key(&self, message: &Message) -> Option<u64> {
        let key = self.key.as_ref()?;
        // A message in bytes is read once more, when it is handled: the key must be known before.
        event_of::<E>(message).ok().map(|event| (key.get())(&event))
    }

    fn kind(&self) -> Option<&'static TypedKind> {
        Some(TypedKind::of::<E>())
    }
}

/// The event of a message.
#[cfg_attr(not(feature = "serde"), expect(clippy::unnecessary_wraps, reason = "as with the feature `serde`"))]
fn event_of<E: Event>(message: &Message) -> Result<Arc<E>, AttemptError> {
    match message.content() {
        MessageContent::Shared(shared) => {
            let event: Arc<dyn Any + Send + Sync> = Arc::clone(&shared.event);
            match event.downcast() {
                Ok(event) => Ok(event),
                Err(_) => unreachable!("handlers of a type are found by the type"),
            }
        }
        #[cfg(feature = "serde")]
        MessageContent::Json(json) => super::super::wire::decode::<E>(&json.json),
    }
}

/// A handler by name.
pub(super) struct Named<F>(pub(super) Isolated<F>);

impl<F: NameHandlerFn> AnyHandler for Named<F> {
    fn begin(&self, delivery: Delivery) -> Result<ListenerFuture, AttemptError> {
        let message = &delivery.message;
        let event = AnyEvent::of_content(message.subject(), message.as_content()?);
        let future = (self.0.get())(event, delivery);
        Ok(Box::pin(async move { future.await.into_result() }))
    }
}
