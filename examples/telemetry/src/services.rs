//! Two services with a queue between them: a shop that takes orders, and a warehouse that packs parcels.

use std::{sync::Arc, time::Duration};

use eventbus::{Bus, BusBuilder, Event, Retry, intercept::Tracing};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::propagation::OpenTelemetry;

/// Only in the shop.
#[derive(Event)]
pub(crate) struct OrderPlaced {
    pub(crate) id: u64,
}

/// From the shop to the warehouse.
#[derive(Event, Serialize, Deserialize)]
#[event(serde)]
pub(crate) struct OrderPaid {
    pub(crate) id: u64,
}

/// Only in the warehouse.
#[derive(Event)]
pub(crate) struct ParcelPacked;

/// A bus whose spans follow the messages: as children, or in traces of their own that are linked.
pub(crate) fn traced(is_linked: bool) -> BusBuilder {
    let tracing = Tracing::new().propagation(OpenTelemetry);
    Bus::builder().tracing(if is_linked { tracing.linked() } else { tracing })
}

/// A listener takes the money, and publishes what the warehouse waits for.
pub(crate) fn wire_shop(bus: &Bus) {
    bus.listener::<OrderPlaced>().named("billing").with_context().on_async(|order, cx| async move {
        let bus = cx.bus();
        bus.publish(OrderPaid { id: order.id }).await.map_err(|error| error.to_string())
    });
}

/// A handler that fails at first, and then emits. Tells of each parcel that is packed.
pub(crate) async fn start_warehouse(bus: &Bus) -> Result<Arc<Notify>, eventbus::BoxError> {
    let packed = Arc::new(Notify::new());
    let tells = Arc::clone(&packed);
    bus.listener::<ParcelPacked>().named("labels").on(move |_| tells.notify_one());
    bus.consumer("warehouse")
        .handle::<OrderPaid>(|_, delivery| async move {
            if delivery.attempt() == 1 {
                return Err("the shelf is empty");
            }
            let bus = delivery.bus().ok_or("the warehouse has closed")?;
            bus.emit(ParcelPacked).await;
            Ok(())
        })
        .retry(Retry::fixed(Duration::from_millis(10)))
        .start()
        .await?;
    Ok(packed)
}
