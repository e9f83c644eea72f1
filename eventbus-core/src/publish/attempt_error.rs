//! How an attempt to handle a delivery went wrong.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::{
    event::OneLine,
    listener::{BoxError, ErrorText, Excerpt, source_of},
};

/// How an attempt to handle a delivery went wrong.
///
/// What it prints is bounded, as for [`Outcome`](crate::Outcome): an error's text and that of 16 sources, of each at most 1 KiB.
/// `Debug` shows the same text.
#[derive(Clone)]
#[non_exhaustive]
pub enum AttemptError {
    /// The handler returned an error.
    Failed(Arc<dyn Error + Send + Sync>),
    /// The handler panicked; the panic's message, where it was text.
    Panicked(Arc<str>),
    /// The handler was stopped: its time was up.
    TimedOut(Duration),
    /// An [`Interceptor`](crate::Interceptor) has refused the attempt; the handler was not called.
    Refused(Arc<dyn Error + Send + Sync>),
    /// The group has no handler for the event, and [`Unhandled::Fail`](crate::Unhandled::Fail) says that this is an error.
    UnknownEvent(Arc<str>),
    /// The message cannot be read as the handler's event.
    Undecodable(Arc<dyn Error + Send + Sync>),
    /// What the transport found is no message.
    Malformed(Arc<str>),
    /// The delivery was handed out again and again without an end: most likely it ends its process.
    NeverEnded {
        /// How often it was handed out.
        deliveries: u32,
    },
    /// What a transport has recorded of the last attempt.
    Recorded(Arc<str>),
}

impl AttemptError {
    pub(crate) fn of(error: BoxError) -> Self {
        Self::Failed(error.into())
    }

    /// The error of the handler, the interceptor or the codec, if one returned one.
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match self {
            Self::Failed(error) | Self::Refused(error) | Self::Undecodable(error) => Some(&**error),
            _ => None,
        }
    }

    /// Whether another attempt could end otherwise.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Panicked(_) | Self::TimedOut(_) | Self::Refused(_))
    }
}

/// Prints on one line, an error with its sources.
impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        let mut line = OneLine(f);
        match self {
            Self::Failed(error) => write!(line, "{}", ErrorText::with_sources(&**error)),
            Self::Panicked(message) => write!(line, "panicked: {message}"),
            Self::TimedOut(limit) => write!(line, "timed out after {limit:?}"),
            Self::Refused(error) => write!(line, "refused: {}", ErrorText::with_sources(&**error)),
            Self::UnknownEvent(name) => write!(line, "unknown event type `{}`", Excerpt(name)),
            Self::Undecodable(error) => write!(line, "cannot be read: {}", ErrorText::with_sources(&**error)),
            Self::Malformed(reason) => write!(line, "no message: {}", Excerpt(reason)),
            Self::NeverEnded { deliveries } => {
                write!(line, "was handed out {deliveries} times without an end, and is not tried again")
            }
            Self::Recorded(reason) => write!(line, "{reason}"),
        }
    }
}

impl Error for AttemptError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        source_of(self.error()?)
    }
}

impl fmt::Debug for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.debug_tuple("Failed").field(&ErrorText::with_sources(&**error)).finish(),
            Self::Panicked(message) => f.debug_tuple("Panicked").field(message).finish(),
            Self::TimedOut(limit) => f.debug_tuple("TimedOut").field(limit).finish(),
            Self::Refused(error) => f.debug_tuple("Refused").field(&ErrorText::with_sources(&**error)).finish(),
            Self::UnknownEvent(name) => f.debug_tuple("UnknownEvent").field(&Excerpt(name)).finish(),
            Self::Undecodable(error) => f.debug_tuple("Undecodable").field(&ErrorText::with_sources(&**error)).finish(),
            Self::Malformed(reason) => f.debug_tuple("Malformed").field(&Excerpt(reason)).finish(),
            Self::NeverEnded { deliveries } => f.debug_struct("NeverEnded").field("deliveries", deliveries).finish(),
            Self::Recorded(reason) => f.debug_tuple("Recorded").field(reason).finish(),
        }
    }
}
