//! What keeps a group from being removed.

use std::sync::Arc;

/// An error returned by [`Bus::remove_group`](crate::Bus::remove_group).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveGroupError {
    /// A consumer of this bus reads the group.
    #[error(
        "group `{group}` was not removed: a consumer of this bus reads it; stop that first, or use `Consumer::remove`"
    )]
    #[non_exhaustive]
    InUse {
        /// The group.
        group: Arc<str>,
    },
    /// There is no such group.
    #[error("group `{group}` was not removed: there is none")]
    #[non_exhaustive]
    Unknown {
        /// The group.
        group: Arc<str>,
    },
    /// The transport could not remove it.
    #[error("group `{group}` was not removed: {reason}")]
    #[non_exhaustive]
    Transport {
        /// The group.
        group: Arc<str>,
        /// What it says.
        reason: String,
    },
}

/// An error returned by [`Consumer::remove`](crate::Consumer::remove).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// It was called inside a handler of the bus, which would wait for itself. Nothing has been stopped.
    #[error("group `{group}` was not removed: a handler of the same bus would wait for itself; use a task of its own")]
    #[non_exhaustive]
    InsideHandler {
        /// The group.
        group: Arc<str>,
    },
    /// The bus is gone.
    #[error("group `{group}` was not removed: the bus is gone")]
    #[non_exhaustive]
    Gone {
        /// The group.
        group: Arc<str>,
    },
    /// The consumer has been stopped, and its group could not be removed. [`InUse`](RemoveGroupError::InUse) if another consumer was
    /// started for it meanwhile.
    #[error(transparent)]
    Group(#[from] RemoveGroupError),
}
