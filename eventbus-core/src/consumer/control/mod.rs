//! A consumer that runs, and how it is paused, drained, stopped and removed.

mod drain;
mod ending;
mod health;

use std::{fmt, panic::Location, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle, time::Instant};

use super::{Unfinished, Unhandled, remove_error::RemoveError, state::ConsumerState};
use crate::{
    call::Frame,
    emission::Bus,
    interleave,
    sync::{Mutex, lock},
    transport::{BoxFuture, Message, Wants},
};
pub use health::ConsumerHealth;

/// A consumer that runs; made by [`ConsumerBuilder::start`](crate::ConsumerBuilder::start).
///
/// Dropping it changes nothing: the consumer runs until [`stop`](Self::stop), until the bus shuts down, or until the bus is gone.
/// When the last [`Bus`](crate::Bus) is dropped without a shutdown, handlers are stopped at their next await, and what the group
/// still holds is discarded unless the transport keeps it; if there was something, a line on stderr says how much.
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// # use eventbus_core::{Event, EventName};
/// # struct UserCreated { id: u64 }
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), eventbus::BoxError> {
/// use std::time::Duration;
/// use eventbus::Bus;
///
/// let bus = Bus::new();
/// let mailer = bus.consumer("mailer").handle::<UserCreated>(|e, _| async move { println!("{}", e.id) }).start().await?;
///
/// mailer.pause(); // the mail server is down
/// bus.publish(UserCreated { id: 7 }).await?;
/// assert!(mailer.is_paused());
/// mailer.resume();
///
/// mailer.drain(Duration::from_secs(5)).await?; // the group has nothing left
/// let report = mailer.stop(Duration::from_secs(5)).await;
/// assert!(report.is_clean());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Consumer(Arc<Control>);

pub(crate) struct Control {
    pub(super) consumer: Arc<ConsumerState>,
    pub(super) tasks: Mutex<Vec<JoinHandle<()>>>,
    pub(super) runtime: Handle,
    /// The end, once it has begun.
    pub(super) ending: Mutex<Option<ending::Reported>>,
    /// The earliest deadline that a stop has stated.
    pub(super) until: watch::Sender<Option<Instant>>,
}

impl Control {
    pub(crate) fn group(&self) -> &Arc<str> {
        &self.consumer.name
    }

    /// Whether the group gets events of this name and version.
    pub(crate) fn handles(&self, name: &str, version: u32) -> bool {
        self.wants().includes_type(name, version)
    }

    /// What the group gets.
    pub(crate) fn wants(&self) -> Wants {
        self.consumer.routes.wants(self.consumer.unhandled == Unhandled::Fail)
    }

    /// Where its handler for events of this name and version was given.
    pub(crate) fn handler_of(&self, name: &str, version: u32) -> Option<&'static Location<'static>> {
        let routes = &self.consumer.routes;
        routes.find_name(name, version).map(|at| routes.all[at].location)
    }

    /// Whether it has a handler for events of this name and version.
    pub(crate) fn has_handler(&self, name: &str, version: u32) -> bool {
        self.consumer.routes.wants(false).includes_type(name, version)
    }

    /// Whether its handler for events of this name and version hands them to the listeners of the bus.
    pub(crate) fn hands_to_listeners(&self, name: &str, version: u32) -> bool {
        let routes = &self.consumer.routes;
        routes.find_name(name, version).is_some_and(|at| routes.all[at].to_listeners)
    }

    /// Where its tasks run.
    pub(crate) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Whether all its tasks have ended though nobody has stopped it: their runtime has gone.
    pub(crate) fn is_dead(&self) -> bool {
        lock(&self.ending).is_none() && lock(&self.tasks).iter().all(JoinHandle::is_finished)
    }

    /// Ends it at once: the bus is gone.
    pub(crate) fn abandon(&self) {
        self.consumer.scheduler.stop();
        self.consumer.cancel.cancel();
    }
}

impl Consumer {
    pub(super) fn new(control: Arc<Control>) -> Self {
        Self(control)
    }

    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.0
    }

    /// Its bus, if that is still there.
    pub(crate) fn bus(&self) -> Option<Bus> {
        self.0.consumer.bus.upgrade()
    }

    /// The group.
    pub fn group(&self) -> &str {
        self.0.group()
    }

    /// Stops it: takes nothing more, lets the handlers that run go on until `deadline` has passed, and then stops them at their
    /// next await.
    ///
    /// What was not handled goes back to the transport, with the attempts that were made, and waits for the next consumer of the
    /// group, which may be started now; meanwhile the group fills up. Whoever calls it again gets the same report; the earliest
    /// deadline counts.
    ///
    /// The order of a key is kept, with one exception: a handler that holds up its thread beyond the stop
    /// ([`still_running`](StopReport::still_running)) keeps its delivery until it ends. If it did not handle it, the delivery
    /// goes back then, and those behind it may have been handled by the next consumer meanwhile.
    ///
    /// The stop runs on the runtime on which the consumer was started; this method may be called outside of any. If that
    /// runtime has gone, or has no timers, handlers get no time to end; a runtime that is there and is not driven holds up the
    /// stop until it is.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the consumer stops and its group is free afterwards, whether or not somebody waits for the report.
    ///
    /// # Re-entrancy
    ///
    /// In a handler of the same bus it begins the stop and gives an [interim](StopReport::is_interim) report at once: the handler would
    /// wait for itself.
    pub async fn stop(&self, deadline: Duration) -> StopReport {
        self.stop_group(deadline).await
    }

    /// Boxed, so that users' crates do not compile it once more.
    fn stop_group(&self, deadline: Duration) -> BoxFuture<'_, StopReport> {
        Box::pin(async move {
            let until = after(deadline);
            if self.is_inside_handler() {
                return self.0.begin_stop(until);
            }
            self.0.stop(until).await
        })
    }

    /// Begins no more handlers until [`resume`](Self::resume). Those that run go on; the group goes on taking events, up to its
    /// bounds, and nothing is lost.
    pub fn pause(&self) {
        self.0.consumer.pause();
    }

    /// Goes on after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.0.consumer.scheduler.resume();
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.0.consumer.scheduler.is_paused()
    }

    /// Pauses, and resumes by itself at that moment; at once, if a later call of [`resume`](Self::resume) comes first.
    pub fn pause_until(&self, at: impl Into<Instant>) {
        let at = at.into();
        self.pause();
        let consumer = Arc::clone(&self.0.consumer);
        interleave::spawn(&self.0.runtime, async move {
            tokio::select! {
                biased;
                () = consumer.scheduler.stopped.cancelled() => {}
                () = tokio::time::sleep_until(at) => consumer.scheduler.resume(),
            }
        });
    }

    /// Removes the group, after its consumer has been stopped by `deadline`: the group takes no events any more. What waited in
    /// it is handed back, if the transport is inside this process. Other groups keep their own.
    ///
    /// # Errors
    ///
    /// [`RemoveError::Group`] if the group cannot be removed; the consumer has been stopped then. [`RemoveError::Gone`] if the bus is
    /// gone.
    ///
    /// # Re-entrancy
    ///
    /// Not inside a handler of the same bus, which would wait for itself: [`RemoveError::InsideHandler`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # use eventbus_core::{Event, EventName};
    /// # struct UserCreated { id: u64 }
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::BoxError> {
    /// use std::time::Duration;
    /// use eventbus::Bus;
    ///
    /// let bus = Bus::new();
    /// let mailer = bus.consumer("mailer").handle::<UserCreated>(|_, _| async {}).start().await?;
    /// mailer.pause();
    /// bus.publish(UserCreated { id: 7 }).await?;
    ///
    /// let left = mailer.remove(Duration::from_secs(5)).await?;
    /// assert_eq!(left.len(), 1); // what it did not get to
    /// # Ok(())
    /// # }
    /// ```
    pub async fn remove(&self, deadline: Duration) -> Result<Vec<Message>, RemoveError> {
        self.stop_and_remove(deadline).await
    }

    /// Boxed, so that users' crates do not compile it once more.
    fn stop_and_remove(&self, deadline: Duration) -> BoxFuture<'_, Result<Vec<Message>, RemoveError>> {
        Box::pin(async move {
            let group = Arc::clone(self.0.group());
            if self.is_inside_handler() {
                return Err(RemoveError::InsideHandler { group });
            }
            self.0.stop(after(deadline)).await;
            let Some(bus) = self.0.consumer.bus.upgrade() else { return Err(RemoveError::Gone { group }) };
            Ok(bus.remove_group(&group).await?)
        })
    }

    fn is_inside_handler(&self) -> bool {
        Frame::current_cause().is_some_and(|cause| cause.bus == self.0.consumer.bus_id)
    }
}

/// The moment after a time; on overflow it never comes.
pub(crate) fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now + Duration::from_secs(1 << 30))
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("group", &self.group())
            .field("workers", &self.0.consumer.workers())
            .field("held", &self.0.consumer.scheduler.held())
            .finish_non_exhaustive()
    }
}

/// How a consumer stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StopReport {
    /// The group.
    pub group: Arc<str>,
    /// How many deliveries were handled well while it stopped.
    pub handled: u64,
    /// How many deliveries went back to the transport, those that were cancelled among them.
    pub returned: usize,
    /// Whose handlers were stopped when the time was up.
    pub cancelled: Vec<Unfinished>,
    /// Whose handlers could not be stopped: they hold up their thread. Their deliveries are in flight until they end.
    pub still_running: Vec<Unfinished>,
    is_interim: bool,
}

impl StopReport {
    /// Whether every handler that ran has ended by itself. Never so in an interim report.
    pub fn is_clean(&self) -> bool {
        !self.is_interim && self.cancelled.is_empty() && self.still_running.is_empty()
    }

    /// Whether the consumer is still stopping: what a handler of its bus gets, which would wait for itself.
    pub fn is_interim(&self) -> bool {
        self.is_interim
    }
}
