//! The reasons for which a message is not published, and the words for them.

use std::{error::Error, fmt, sync::Arc};

use crate::{
    emission::PublishEnd,
    listener::{BoxError, ErrorText, source_of},
    transport::Refusal,
};

/// Why a message was not published.
pub(in crate::publish) enum Why {
    Full,
    Closed,
    Cancelled,
    NoCodec,
    NoDelay,
    NoDedupe,
    Duplicate,
    Refused(Arc<dyn Error + Send + Sync>),
    Unwritable(BoxError),
    TooLarge { size: usize, limit: usize },
    TooManyHops { hops: u32, chain: Vec<String> },
    Failed(BoxError),
    Unknown(BoxError),
}

impl Why {
    pub(in crate::publish) fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Full { .. } | Refusal::WouldWait => Self::Full,
            Refusal::Closed => Self::Closed,
            Refusal::Duplicate => Self::Duplicate,
            Refusal::Unwritable(error) => Self::Unwritable(error),
            Refusal::TooLarge { size, limit } => Self::TooLarge { size, limit },
            Refusal::Failed(error) => Self::Failed(error),
            Refusal::Unknown(error) => Self::Unknown(error),
        }
    }

    /// The same in a word.
    pub(in crate::publish) fn reason(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::NoCodec => "no_codec",
            Self::NoDelay => "no_delay",
            Self::NoDedupe => "no_dedupe",
            Self::Duplicate => "duplicate",
            Self::Refused(_) => "refused",
            Self::Unwritable(_) => "unwritable",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyHops { .. } => "too_many_hops",
            Self::Failed(_) => "failed",
            Self::Unknown(_) => PublishEnd::UNKNOWN,
        }
    }

    /// What an error says that is at fault.
    pub(in crate::publish) fn text(&self) -> Option<Arc<str>> {
        let text = match self {
            Self::Refused(error) => ErrorText::with_sources(&**error).to_string(),
            Self::Unwritable(error) | Self::Failed(error) | Self::Unknown(error) => {
                ErrorText::with_sources(&**error).to_string()
            }
            _ => return None,
        };
        Some(text.into())
    }

    /// The reason if the transport holds the event although it has not been published: it may be delivered, whatever else is said.
    pub(super) fn when_kept(self) -> BoxError {
        match self {
            Self::Unknown(source) => source,
            _ => "the transport has refused it, and has kept it (clause T5 forbids that)".into(),
        }
    }
}

/// A reason inside an error, to be put into words.
pub(super) enum Reason<'e> {
    Full,
    Closed,
    Cancelled,
    NoCodec,
    NoDelay,
    NoDedupe,
    Duplicate,
    Refused(&'e (dyn Error + Send + Sync + 'static)),
    Unwritable(&'e (dyn Error + Send + Sync + 'static)),
    TooLarge { size: usize, limit: usize },
    TooManyHops { hops: u32, chain: &'e [String] },
    Failed(&'e (dyn Error + Send + Sync + 'static)),
    Unknown(&'e (dyn Error + Send + Sync + 'static)),
}

impl<'e> Reason<'e> {
    /// What lies behind it.
    pub(super) fn source(&self) -> Option<&'e (dyn Error + 'static)> {
        match self {
            Self::Refused(error) | Self::Unwritable(error) | Self::Failed(error) | Self::Unknown(error) => {
                source_of(*error)
            }
            _ => None,
        }
    }

    /// Puts it into words, for an event whose wire type and Rust type these are.
    pub(super) fn tell(&self, event: impl fmt::Display, rust_type: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |error| ErrorText::alone(error);
        if let Self::Unknown(error) = self {
            let error = text(*error);
            return write!(
                f,
                "`{event}` may or may not be published, nobody answered: {error}; publish it again if twice is better than never"
            );
        }
        write!(f, "`{event}` was not published: ")?;
        match self {
            Self::Full => f.write_str("a group's queue is full; publish it later"),
            Self::Closed => f.write_str("the bus has shut down, or is about to"),
            Self::Cancelled => f.write_str("cancelled while there was no room"),
            Self::NoCodec => {
                write!(f, "it must be written, and its type `{rust_type}` has no codec; add `#[event(serde)]` to it")
            }
            Self::NoDelay => {
                f.write_str("a delay was asked for, and the transport keeps none; remove `.after(..)` or `.at(..)`")
            }
            Self::NoDedupe => f.write_str("the transport keeps no ids to tell duplicates by; remove `.dedupe(..)`"),
            Self::Duplicate => f.write_str("it was published before, with the same id"),
            Self::Refused(error) => write!(f, "refused: {}", text(*error)),
            Self::Failed(error) => write!(f, "the transport failed: {}", text(*error)),
            Self::Unwritable(error) => write!(f, "it cannot be written: {}", text(*error)),
            Self::TooLarge { size, limit } => write!(f, "it has {size} bytes, and the transport takes {limit}"),
            Self::TooManyHops { hops, chain } => {
                let (next, chain) = (hops + 1, chain.join(" -> "));
                write!(f, "it would be message {next} of its chain, the limit is {hops}: .. -> {chain}")
            }
            Self::Unknown(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Why;

    #[test]
    fn a_missing_answer_is_the_reason_that_an_event_was_kept() {
        assert_eq!(Why::Unknown("the line is dead".into()).when_kept().to_string(), "the line is dead");
        assert!(Why::Failed("no".into()).when_kept().to_string().contains("T5"));
    }
}
