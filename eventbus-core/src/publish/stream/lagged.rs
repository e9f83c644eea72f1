//! What a stream says when it has no event to give.

/// An item of an [`EventStream`](super::EventStream): here events are missing, because the stream was read too slowly for its
/// capacity. Those that follow it are the oldest that were kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error(
    "the stream was read too slowly; events missed here: {missed}; read faster, or give it more `capacity`, or `.overflow(Overflow::Wait)`"
)]
#[non_exhaustive]
pub struct Lagged {
    /// How many events are missing.
    pub missed: u64,
}

/// An error returned by [`try_recv`](super::EventStream::try_recv).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoEvent {
    /// There is none yet; there may be one later.
    #[error("the stream has no event at the moment")]
    Empty,
    /// Events are missing here; the next call gives the one after them.
    #[error(transparent)]
    Lagged(#[from] Lagged),
    /// There will be none any more.
    #[error("the stream has ended")]
    Ended,
}

/// How the listener of a stream fails that has no room for an event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamFull {
    /// The stream's policy is [`Overflow::Fail`](crate::Overflow::Fail).
    #[error("the stream is full; read faster, or give it more `capacity`, or another `overflow` policy")]
    NoRoom,
    /// The stream waits, and to wait for its reader could be to wait for oneself.
    #[error(
        "the stream is full, and both its reader and this emission are inside handlers of this bus, where one could wait for \
         the other for ever; read the stream in a task of its own"
    )]
    WaitsForItself,
}
