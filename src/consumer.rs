//! Consumers: wiring groups of handlers, and running them.
//!
//! [`Consumer`](crate::Consumer), [`Delivery`](crate::Delivery) and [`Retry`](crate::Retry) are at the root of the
//! crate. The traits whose names end in `Fn` are implemented by closures, and name what a closure may be; programs
//! need not name them.

pub use eventbus_core::{
    AttemptError, Batch, BatchReturn, ConsumerBuilder, ConsumerError, FailedAttempt, Handler, RemoveError,
    RemoveGroupError, StopReport, Unfinished, Unhandled, UpcastError,
};

// Closures and type states.
pub use eventbus_core::{
    BatchHandlerFn, HandlerFn, KeyFn, NoHandlerState, PatternHandlerFn, PatternStateHandlerFn, StateHandlerFn,
    WithState,
};
