//! Waiting until a listener, or everything that a bus has started, has ended.

use crate::{
    call::{BusId, Frame},
    emission::{Bus, InFlight},
    registry::Subscription,
};

/// An error returned by [`Subscription::off_and_wait`], [`Scope::close_and_wait`](crate::Scope::close_and_wait) and
/// [`Bus::settled`](crate::Bus::settled).
///
/// The caller runs inside an emission of the bus, and would wait for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("called inside an emission of this bus, which it would have to wait for; call it from outside, or spawn it")]
pub struct InsideEmission;

impl Subscription {
    /// Ends the listener, and waits until no call of it is under way and its closure has been dropped. Of a module, this is
    /// done for each listener.
    ///
    /// [`off`](Self::off) alone keeps new calls from beginning; this is for tearing down what the listener uses.
    ///
    /// An emission under way keeps the closures of all its listeners until it ends or is dropped, and an
    /// [`Emitter`](crate::Emitter) those of its last emit until its next one or its drop. This waits for both: whoever holds
    /// such an emission, or such an emitter, and awaits this before going on with it, waits for ever.
    ///
    /// # Errors
    ///
    /// [`InsideEmission`] if called inside an emission of this bus. The listener is off; only the waiting is refused.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the listener is off, whether or not the waiting is given up.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Tick;
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus_core::InsideEmission> {
    /// let bus = Bus::new();
    /// let clock = bus.on_async::<Tick>(|_| async { /* uses the display */ });
    ///
    /// clock.off_and_wait().await?;
    /// // now the display can go
    /// # Ok(())
    /// # }
    /// ```
    pub async fn off_and_wait(&self) -> Result<(), InsideEmission> {
        self.off();
        outside_of(self.bus())?;
        self.departed().await;
        Ok(())
    }
}

/// Refuses where waiting for the bus would be waiting for oneself.
pub(super) fn outside_of(bus: Option<BusId>) -> Result<(), InsideEmission> {
    let is_inside = |bus| Frame::current().is_some_and(|frame| frame.is_inside(bus));
    if bus.is_some_and(is_inside) { Err(InsideEmission) } else { Ok(()) }
}

impl Bus {
    /// Waits until everything that this bus has started has ended: spawned emissions and what they have caused, spawned
    /// listeners, listeners on the blocking pool.
    ///
    /// Tests wait for this, and programs that end. An emission that somebody awaits is not waited for: whoever awaits it knows
    /// when it ends.
    ///
    /// # Errors
    ///
    /// [`InsideEmission`] if called inside an emission of this bus, or through the handle of a listener's context.
    ///
    /// # Cancel safety
    ///
    /// May be given up and called again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Tick;
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus_core::InsideEmission> {
    /// let bus = Bus::new();
    /// bus.on_async::<Tick>(|_| async {});
    /// bus.emit(Tick).spawn();
    ///
    /// bus.settled().await?;
    /// assert_eq!(bus.in_flight().emissions, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn settled(&self) -> Result<(), InsideEmission> {
        if self.frame().is_some_and(|frame| frame.is_inside(self.state.id)) {
            return Err(InsideEmission);
        }
        self.state.tasks.settled().await;
        Ok(())
    }

    /// [`settled`](Self::settled), asked by code that is known to be outside.
    pub(crate) async fn settled_outside(&self) {
        self.state.tasks.settled().await;
    }

    /// How much this bus has started that has not ended.
    pub fn in_flight(&self) -> InFlight {
        self.state.tasks.in_flight()
    }
}
