//! The trace of a bus: what caused what, what ran, how long, and how it ended.

mod build;
#[cfg(feature = "serde")]
mod json;
mod outcome;
mod print;
mod record;
mod ring;
mod took;
mod tracer;
mod tree;

pub use outcome::TraceOutcome;
pub(crate) use tracer::Tracer;
pub use tree::{Correlation, Trace, TraceCause, TraceNode, Traced};

use crate::emission::Bus;

impl Bus {
    /// What has happened on this bus lately, and what caused it, as a tree: an emission, the calls of its listeners, what those
    /// emitted and published, the deliveries of that, and so on.
    ///
    /// It is kept by a bus that was built with [`trace`](crate::BusBuilder::trace). Of another one it is empty, and says so.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct OrderPlaced;
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// # struct StockReserved;
    /// # impl Event for StockReserved { const NAME: EventName = EventName::new("stock.reserved"); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::builder().trace(1_000).build();
    /// bus.listener::<OrderPlaced>().named("stock").with_context().on(|_, cx| {
    ///     cx.bus().emit(StockReserved).blocking();
    /// });
    /// bus.emit(OrderPlaced).blocking();
    ///
    /// let trace = bus.trace();
    /// println!("{trace}");
    ///
    /// let order = trace.roots().next().ok_or("one emission")?;
    /// let stock = order.children().next().ok_or("its listener was called")?;
    /// let reserved = stock.children().next().ok_or("which has emitted")?;
    /// assert_eq!((order.event(), reserved.event()), ("order.placed", "stock.reserved"));
    /// assert_eq!(reserved.outcome().word(), "nobody listens");
    /// # Ok(())
    /// # }
    /// ```
    pub fn trace(&self) -> Trace {
        self.state.parts.get::<Tracer>().trace()
    }
}
