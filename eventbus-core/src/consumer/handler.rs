//! Code that handles deliveries, and the lanes in which a worker runs it.
//!
//! A lane is one future for each worker and handler: it takes one delivery after the other, and holds the handler's future
//! inside itself. So a delivery costs no box, and what is compiled for each handler is this loop.

use std::{marker::PhantomData, sync::Arc};

use super::{
    Delivery,
    batch::{Batch, BatchReturn},
    content::{downcast, event_of},
    desk::Desk,
    lane::{Lane, LaneState},
    routes::Route,
};
use crate::{
    call::{AnyEvent, Isolated},
    event::Event,
    listener::{BoxError, Return, ReturnFuture, async_callable},
    transport::BoxFuture,
};

async_callable! {
    /// A closure that handles deliveries of an event: `Fn(Arc<E>, Delivery) -> Future`.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a handler",
        label = "not a closure or function that takes the event and its delivery",
        note = "for an event type: `handle::<UserCreated>(|e, delivery| async move {{ .. }})`; by pattern: `handle_pattern`; a value \
                that implements `Handler`: `handle_with`"
    )]
    HandlerFn[E](Arc<E>, Delivery)
}
async_callable! {
    /// The same with state: `Fn(S, Arc<E>, Delivery) -> Future`, `S` cloned for each call.
    StateHandlerFn[S, E](S, Arc<E>, Delivery)
}
async_callable! {
    /// A closure that handles deliveries by pattern: `Fn(AnyEvent<'static>, Delivery) -> Future`.
    PatternHandlerFn[](AnyEvent<'static>, Delivery)
}
async_callable! {
    /// The same with state: `Fn(S, AnyEvent<'static>, Delivery) -> Future`, `S` cloned for each call.
    PatternStateHandlerFn[S](S, AnyEvent<'static>, Delivery)
}

/// A closure that handles deliveries of an event in batches: `Fn(Batch<E>) -> Future`.
pub trait BatchHandlerFn<E: Event>: Fn(Batch<E>) -> Self::Future + Send + Sync + 'static {
    /// The future of a call.
    type Future: Future<Output = Self::Returns> + Send + 'static;
    /// What the future ends with.
    type Returns: BatchReturn;
}

impl<E: Event, F, T> BatchHandlerFn<E> for F
where
    F: Fn(Batch<E>) -> T + Send + Sync + 'static,
    T: ReturnFuture<Output: BatchReturn> + Send + 'static,
{
    type Future = T;
    type Returns = T::Output;
}

/// Handles the deliveries of an event: for handlers that are values, chosen or stored at run time.
///
/// # Examples
///
/// ```
/// # mod eventbus { pub use eventbus_core::*; pub mod consumer { pub use eventbus_core::*; } pub mod transport { pub use eventbus_core::*; } }
/// # use eventbus_core::{Event, EventName};
/// # struct UserCreated { email: String }
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// use std::sync::Arc;
/// use eventbus::{BoxError, Bus, Delivery, consumer::Handler, transport::BoxFuture};
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
/// let consumer = bus.consumer("mailer").handle_with(chosen);
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
    /// The lane of a worker for this handler, which is number `route` of its consumer.
    fn lane(self: Arc<Self>, desk: Arc<Desk>, route: usize) -> Lane;
}

/// The handlers of a consumer, by the numbers of their routes.
pub(super) type Handlers = Arc<[Arc<dyn AnyHandler>]>;

/// A handler, and what it handles.
pub(super) struct WiredHandler {
    pub(super) handler: Arc<dyn AnyHandler>,
    pub(super) route: Route,
}

/// A handler of a type.
pub(super) struct Typed<E, F> {
    code: Isolated<F>,
    event: PhantomData<fn(&E)>,
}

impl<E: Event, F> Typed<E, F> {
    pub(super) fn new(code: Isolated<F>) -> Self {
        Self { code, event: PhantomData }
    }
}

impl<E: Event, F: HandlerFn<E>> AnyHandler for Typed<E, F> {
    fn lane(self: Arc<Self>, desk: Arc<Desk>, route: usize) -> Lane {
        Box::pin(async move {
            let mut state = LaneState::new(desk, route);
            loop {
                let delivery = (&mut state).await;
                let Some(event) = state.typed(E::TYPE, &delivery) else { continue };
                let result = (self.code.get())(downcast(event), delivery).await;
                state.end(result.into_result());
            }
        })
    }
}

/// A handler of batches of a type.
pub(super) struct Batched<E, F> {
    code: Isolated<F>,
    event: PhantomData<fn(&E)>,
}

impl<E: Event, F> Batched<E, F> {
    pub(super) fn new(code: Isolated<F>) -> Self {
        Self { code, event: PhantomData }
    }
}

impl<E: Event, F: BatchHandlerFn<E>> AnyHandler for Batched<E, F> {
    fn lane(self: Arc<Self>, desk: Arc<Desk>, _route: usize) -> Lane {
        Box::pin(async move {
            let mut unread = Vec::new();
            let events = desk.running_events().unwrap_or_else(|| {
                let mut events = Vec::new();
                for (at, message) in desk.running_messages().into_iter().enumerate() {
                    match event_of::<E>(&message, &desk.consumer.routes.versions) {
                        Ok(event) => events.push(event),
                        Err(error) => unread.push((at, error)),
                    }
                }
                events
            });
            let returned = if events.is_empty() {
                Vec::new()
            } else {
                let count = events.len();
                let batch = Batch::new(events, Arc::clone(&desk), unread.iter().map(|(at, _)| *at).collect());
                let before = match desk.before_handler() {
                    None => Ok(()),
                    Some(before) => before.await,
                };
                match before {
                    Ok(()) => (self.code.get())(batch).await.into_results(count),
                    Err(error) => BatchReturn::into_results(Err::<(), _>(error), count),
                }
            };
            desk.end_many(returned, unread);
        })
    }
}

/// A handler by pattern.
pub(super) struct Named<F>(pub(super) Isolated<F>);

impl<F: PatternHandlerFn> AnyHandler for Named<F> {
    fn lane(self: Arc<Self>, desk: Arc<Desk>, route: usize) -> Lane {
        Box::pin(async move {
            let mut state = LaneState::new(desk, route);
            loop {
                let delivery = (&mut state).await;
                let Some(event) = state.named(&delivery) else { continue };
                let result = (self.0.get())(event, delivery).await;
                state.end(result.into_result());
            }
        })
    }
}

/// A handler that is a value.
pub(super) fn of_value<E: Event>(handler: Arc<dyn Handler<E>>) -> impl HandlerFn<E> {
    move |event, delivery| -> BoxFuture<'static, Result<(), BoxError>> {
        let handler = Arc::clone(&handler);
        Box::pin(async move { handler.handle(event, delivery).await })
    }
}
