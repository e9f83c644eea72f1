//! Interceptors: spans, metrics, checks and transactions around emissions, the calls of listeners, publishes and deliveries.

#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use eventbus_core::Metrics;
pub use eventbus_core::{
    Around, CallEnd, DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor, MessageInfo, PublishEnd,
    PublishInfo, Skipped, TraceContext,
};
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub use eventbus_core::{Propagation, Tracing};
