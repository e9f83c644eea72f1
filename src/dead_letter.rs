//! Dead letters: deliveries that have failed for good, to be listed, replayed or discarded.
//!
//! [`Failed`](crate::Failed), the event that tells of one, is at the root of the crate.

pub use eventbus_core::{
    DeadLetter, DeadLetterError, DeadLetterPage, DeadLetters, DiscardError, ReplayError, ReplayWhereError,
};
