//! Events as a stream: what surrounds [`EventStream`](crate::EventStream).

pub use eventbus_core::{Lagged, Next, NoEvent, Recv, StreamFull};
