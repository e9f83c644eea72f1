//! Interceptors: spans, metrics, checks and transactions around emissions and the calls of listeners.

pub use eventbus_core::{Around, CallEnd, EmissionInfo, Intercepted, Interceptor};
