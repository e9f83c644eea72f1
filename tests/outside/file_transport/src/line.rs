//! The lines of the file.

use eventbus::{BoxError, transport::Message};
use serde::{Deserialize, Serialize};

/// What happened, as a line.
#[derive(Serialize, Deserialize, Debug)]
pub(crate) enum Line {
    /// A message; its number is how many came before it.
    Message { attributes: Vec<(String, String)>, data: String },
    /// A group was made, and begins with this message.
    Group { group: String, start: usize },
    /// A group was removed.
    Removed { group: String },
    /// A message was handed out.
    Leased { group: String, number: usize },
    /// A message was handled.
    Done { group: String, number: usize },
    /// A message is to be handed out again.
    Again { group: String, number: usize, attempts: u32 },
    /// A message failed for the last time.
    Dead { group: String, number: usize, attempts: u32, reason: String, failed_at: std::time::SystemTime },
    /// A dead letter was replayed or discarded.
    Ended { letter: u64, is_replayed: bool },
    /// What cannot be read.
    #[serde(skip)]
    Malformed { reason: String, text: Vec<u8> },
}

impl Line {
    pub(crate) fn of_message(message: &Message) -> Result<Self, BoxError> {
        let data = String::from_utf8(message.data()?.to_vec())?;
        let attributes = message.attributes().into_iter().map(|(name, value)| (name.to_owned(), value.into_owned()));
        Ok(Self::Message { attributes: attributes.collect(), data })
    }

    pub(crate) fn parse(text: &[u8]) -> Self {
        serde_json::from_slice(text)
            .unwrap_or_else(|error| Self::Malformed { reason: error.to_string(), text: text.to_vec() })
    }

    /// Its text, with the end of the line; `None` if it is not written.
    pub(crate) fn text(&self) -> Option<Vec<u8>> {
        let mut text = serde_json::to_vec(self).ok()?;
        text.push(b'\n');
        Some(text)
    }

    /// The message that a line is.
    pub(crate) fn into_message(self) -> Option<Message> {
        match self {
            Self::Message { attributes, data } => {
                let borrowed = attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let read = Message::from_attributes(borrowed, data.as_bytes());
                Some(read.unwrap_or_else(|error| Message::malformed(&error.to_string(), data.as_bytes())))
            }
            Self::Malformed { reason, text } => Some(Message::malformed(&reason, &text)),
            _ => None,
        }
    }
}
