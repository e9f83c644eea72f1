//! Interceptors: spans, metrics, checks and transactions around emissions, the calls of listeners, publishes and deliveries.

pub use eventbus_core::{
    Around, CallEnd, DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor, MessageInfo, PublishEnd,
    PublishInfo, Skipped, TraceContext,
};
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub use eventbus_core::{Propagation, Tracing};
