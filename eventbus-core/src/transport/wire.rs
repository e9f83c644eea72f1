//! Messages outside of the process: [CloudEvents 1.0] attributes and JSON.
//!
//! [CloudEvents 1.0]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md

use std::{any::Any, borrow::Cow, sync::Arc};

use super::{
    Message, MessageId,
    message::{Attributes, Content, Data, Origin},
};
use crate::{
    call::CAUSES,
    event::{Codec, EncodeError, EventType, NameError},
    listener::{BoxError, Subject},
    named::{ByNameError, WireType},
};

impl Message {
    /// Its attributes, as `CloudEvents` names them: `specversion`, `id`, `source`, `type`, `time`, `datacontenttype`; and the
    /// extensions `partitionkey`, `correlationid`, `causationid` and `hops`, where it has them. A delay
    /// ([`not_before`](Self::not_before)) is not among them.
    pub fn attributes(&self) -> Vec<(&'static str, Cow<'_, str>)> {
        let time = humantime::format_rfc3339_millis(self.time()).to_string();
        let mut attributes = vec![
            ("specversion", Cow::Borrowed("1.0")),
            ("id", self.id().to_string().into()),
            ("source", self.source().into()),
            ("type", self.wire_type().to_string().into()),
            ("time", time.into()),
            ("datacontenttype", "application/json".into()),
        ];
        attributes.extend(self.key().map(|key| ("partitionkey", key.into())));
        if let Some(causation) = self.causation_id() {
            attributes.push(("correlationid", self.correlation_id().to_string().into()));
            attributes.push(("causationid", causation.to_string().into()));
            attributes.push(("hops", self.hops().to_string().into()));
        }
        attributes
    }

    /// Its event as JSON.
    ///
    /// # Errors
    ///
    /// [`WriteError`] if the event's type has no codec (`#[event(serde)]`), or its serialisation fails or panics.
    pub fn data(&self) -> Result<Arc<[u8]>, WriteError> {
        match self.content() {
            Content::Data(data) => Ok(Arc::clone(&data.bytes)),
            Content::Malformed(_) => Ok(self.malformed_data().unwrap_or_default().into()),
            Content::Shared(shared) => {
                let codec: Option<&Codec> = self.event_type().and_then(EventType::codec);
                let written = codec.and_then(|codec| codec.encode(&*shared.event));
                let name = || self.wire_type().to_string();
                match written {
                    Some(Ok(json)) => Ok(Arc::from(json.to_string().into_bytes())),
                    Some(Err(source)) => Err(WriteError::Failed { name: name(), source }),
                    None => Err(WriteError::NoCodec { name: name() }),
                }
            }
        }
    }

    /// The same message with its event encoded, as it leaves the process.
    pub(crate) fn written(&self) -> Result<Self, WriteError> {
        let data = Data { subject: self.subject(), bytes: self.data()? };
        Ok(self.with_content(Content::Data(Arc::new(data))))
    }

    /// Reads a message from what a transport has kept. Only `type` is needed: other programs write no more than that. Attributes
    /// that are unknown are passed over.
    ///
    /// # Errors
    ///
    /// [`MalformedMessage`], if the type is missing or no wire type, if an attribute is not of its form, and, before anything is
    /// read, if the data has more than [`MAX_DATA`](Self::MAX_DATA) bytes or an attribute more than
    /// [`MAX_ATTRIBUTE`](Self::MAX_ATTRIBUTE). What this program publishes in bytes keeps to these limits.
    pub fn from_attributes<'a>(
        attributes: impl IntoIterator<Item = (&'a str, &'a str)>,
        data: impl Into<Arc<[u8]>>,
    ) -> Result<Self, MalformedMessage> {
        let data = data.into();
        if data.len() > Self::MAX_DATA {
            return Err(MalformedMessage::TooLarge { size: data.len(), limit: Self::MAX_DATA });
        }
        let (mut id, mut time, mut subject, mut key) = (None, None, None, None);
        let mut source = Box::from("unknown");
        let (mut causation, mut correlation, mut hops) = (None, None, 0);
        for (name, value) in attributes.into_iter().filter(|(name, _)| READ.contains(name)) {
            if value.len() > Self::MAX_ATTRIBUTE {
                let (name, size, limit) = (name.to_owned(), value.len(), Self::MAX_ATTRIBUTE);
                return Err(MalformedMessage::AttributeTooLarge { name, size, limit });
            }
            let malformed = |expected| MalformedMessage::Attribute { name: name.to_owned(), expected };
            match name {
                "id" => id = Some(MessageId::of_text(value)),
                "source" => source = Box::from(value),
                "type" => subject = Some(parse(value)?),
                "time" => {
                    let parsed = humantime::parse_rfc3339_weak(value);
                    time = Some(parsed.map_err(|_| malformed("a time as in RFC 3339"))?);
                }
                "partitionkey" => key = Some(value.into()),
                "correlationid" => correlation = Some(MessageId::of_text(value)),
                "causationid" => causation = Some(MessageId::of_text(value)),
                "hops" => hops = value.parse().map_err(|_| malformed("a number"))?,
                _ => {}
            }
        }
        let subject = subject.ok_or(MalformedMessage::NoType)?;
        let origin = causation.map(|causation| {
            let correlation = correlation.unwrap_or(causation);
            Origin { causation, correlation, hops, trail: [None; CAUSES] }
        });
        Ok(Self::from_outside(Attributes { id, time, source, subject, key, origin }, data))
    }
}

/// The attributes that mean something here.
const READ: [&str; 8] = ["id", "source", "type", "time", "partitionkey", "correlationid", "causationid", "hops"];

/// Takes a wire type apart.
fn parse(text: &str) -> Result<Subject, MalformedMessage> {
    match WireType::parse(text) {
        Ok(wire) => Ok(wire.subject()),
        Err(ByNameError::Name { name, error }) => Err(MalformedMessage::Type { text: name, error }),
        Err(_) => unreachable!("parsing looks at the name only"),
    }
}

/// Decodes an event of a known type.
pub(crate) fn decode(event: &'static EventType, bytes: &[u8]) -> Result<Arc<dyn Any + Send + Sync>, BoxError> {
    let Some(codec) = event.codec() else {
        return Err(WriteError::NoCodec { name: event.wire_type().to_string() }.into());
    };
    Ok(Arc::from(codec.decode(bytes)?))
}

/// An error returned by [`Message::data`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The event's type does not say how it is written.
    #[error("`{name}` cannot be written as JSON: its type has no codec (`#[event(serde)]`)")]
    NoCodec {
        /// The wire type.
        name: String,
    },
    /// Its serialisation failed.
    #[error("`{name}` cannot be written as JSON: {source}")]
    Failed {
        /// The wire type.
        name: String,
        /// What is wrong, without a value of the event.
        source: EncodeError,
    },
}

/// An error returned by [`Message::from_attributes`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedMessage {
    /// The data is too large.
    #[error("the message has {size} bytes, and {limit} are read")]
    #[non_exhaustive]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// An attribute is too large.
    #[error("the message's `{name}` has {size} bytes, and {limit} are read")]
    #[non_exhaustive]
    AttributeTooLarge {
        /// The attribute.
        name: String,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// There is no type.
    #[error("the message has no `type`")]
    NoType,
    /// The type is no event name.
    #[error("the message's type `{}` is no event name: {error}", .text.escape_debug())]
    Type {
        /// The type, at most as much of it as a name may be long.
        text: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// An attribute is not of its form.
    #[error("the message's `{name}` is malformed: expected {expected}")]
    #[non_exhaustive]
    Attribute {
        /// The attribute.
        name: String,
        /// What its value should be. What it is instead is not shown.
        expected: &'static str,
    },
}
