//! Messages outside of the process: [CloudEvents 1.0] attributes and bytes.
//!
//! [CloudEvents 1.0]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    sync::Arc,
};

use super::{
    Message,
    content::{Content, ContentRef},
    data::Data,
    format::Format,
    message::{Attributes, Origin},
    write_error::WriteError,
};
use crate::{
    call::{CAUSES, MessageId, TraceContext},
    event::{Codec, EncodeError, EventCodec, EventType, NameError},
    listener::Subject,
    named::{MalformedName, WireType},
};

impl Message {
    /// Its attributes, as `CloudEvents` names them: `specversion`, `id`, `source`, `type`, `time`, `datacontenttype`; and the
    /// extensions `partitionkey`, `correlationid`, `causationid`, `hops`, `traceparent` and `tracestate`, where it has them. A
    /// delay ([`not_before`](Self::not_before)) is not among them.
    pub fn attributes(&self) -> Vec<(&'static str, Cow<'_, str>)> {
        let mut attributes = Vec::with_capacity(10);
        self.each_attribute(|name, value| attributes.push((name, value.to_owned().into())));
        attributes
    }

    /// Calls `see` with the name and the value of each of its [`attributes`](Self::attributes), in the same order: for a transport that
    /// writes them into a buffer of its own.
    pub fn each_attribute(&self, mut see: impl FnMut(&'static str, &str)) {
        let mut text = String::with_capacity(MessageId::LENGTH);
        let mut see_display = |see: &mut dyn FnMut(&'static str, &str), name, value: &dyn fmt::Display| {
            text.clear();
            // Writing to a string does not fail.
            let _ = write!(text, "{value}");
            see(name, &text);
        };
        see("specversion", "1.0");
        see_display(&mut see, "id", &self.id());
        see("source", self.source());
        if self.version() == 1 && !self.is_malformed() {
            see("type", self.name());
        } else {
            see_display(&mut see, "type", &self.wire_type());
        }
        see_display(&mut see, "time", &humantime::format_rfc3339_millis(self.time()));
        see("datacontenttype", self.content_type());
        if let Some(key) = self.key() {
            see("partitionkey", key);
        }
        if let Some(causation) = self.causation_id() {
            see_display(&mut see, "correlationid", &self.correlation_id());
            see_display(&mut see, "causationid", &causation);
            see_display(&mut see, "hops", &self.hops());
        }
        if let Some(trace) = self.trace() {
            see_display(&mut see, "traceparent", &trace);
            if let Some(state) = trace.tracestate() {
                see("tracestate", state);
            }
        }
    }

    /// The media type of its [`data`](Self::data): JSON for a message that carries the event itself.
    pub fn content_type(&self) -> &str {
        match self.content() {
            ContentRef::Data(data) => data.format.content_type(),
            ContentRef::Shared(_) => Format::JSON,
            ContentRef::Malformed(_) => "application/octet-stream",
        }
    }

    /// Its event as bytes: as the bus's codec has written it, or as it has come. Of a message that carries the event itself, as
    /// those have that a transport inside the process hands back, it is JSON.
    ///
    /// # Errors
    ///
    /// [`WriteError`] if the event's type has no codec (`#[event(serde)]`), or its serialisation fails or panics.
    pub fn data(&self) -> Result<Arc<[u8]>, WriteError> {
        match self.content() {
            ContentRef::Data(data) => Ok(Arc::clone(&data.bytes)),
            ContentRef::Malformed(_) => Ok(self.malformed_data().unwrap_or_default().into()),
            ContentRef::Shared(shared) => self.encoded(|codec| codec.json_text(shared.get())),
        }
    }

    fn encoded(
        &self,
        encode: impl FnOnce(&EventCodec) -> Option<Result<Vec<u8>, EncodeError>>,
    ) -> Result<Arc<[u8]>, WriteError> {
        let name = || self.wire_type().to_string();
        match self.event_type().and_then(EventType::codec).and_then(encode) {
            Some(Ok(bytes)) => Ok(Arc::from(bytes)),
            Some(Err(source)) => Err(WriteError::Failed { name: name(), source }),
            None => Err(WriteError::NoCodec { name: name() }),
        }
    }

    /// The same message with its event encoded, as it leaves the process: by a codec, or as JSON. What is in bytes stays as it is.
    pub(crate) fn written(&self, codec: Option<&Arc<dyn Codec>>) -> Result<Self, WriteError> {
        let (bytes, format) = match (self.content(), codec) {
            (ContentRef::Shared(shared), Some(codec)) => {
                (self.encoded(|event| event.encode(&**codec, shared.get()))?, Format::Of(Arc::clone(codec)))
            }
            (ContentRef::Data(_) | ContentRef::Malformed(_), _) => return Ok(self.clone()),
            (ContentRef::Shared(_), None) => (self.data()?, Format::Json),
        };
        let data = Data { subject: self.subject(), bytes, format };
        Ok(self.with_content(Content::data(data)))
    }

    /// The same message with the codec that reads it, if that is one of these.
    pub(super) fn with_codec_of(&self, codecs: &[Arc<dyn Codec>]) -> Option<Self> {
        let ContentRef::Data(data) = self.content() else { return None };
        let codec = data.format.find(codecs)?;
        let (subject, bytes) = (data.subject.clone(), Arc::clone(&data.bytes));
        let content = Content::data(Data { subject, bytes, format: Format::Of(codec) });
        Some(self.with_content(content))
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
        let mut format = Format::Json;
        let mut source = "unknown";
        let (mut causation, mut correlation, mut hops) = (None, None, 0);
        let (mut traceparent, mut tracestate) = (None, None);
        for (name, value) in attributes {
            let malformed = |expected| MalformedMessage::Attribute { name: name.to_owned(), expected };
            match name {
                // One that cannot be read is left out: the trace begins anew, and the event is read all the same.
                "traceparent" => traceparent = Some(value),
                "tracestate" => tracestate = Some(value),
                _ if value.len() > Self::MAX_ATTRIBUTE && READ.contains(&name) => {
                    let (name, size, limit) = (name.to_owned(), value.len(), Self::MAX_ATTRIBUTE);
                    return Err(MalformedMessage::AttributeTooLarge { name, size, limit });
                }
                "id" => id = Some(MessageId::of_text(value)),
                "source" => source = value,
                "type" => subject = Some(parse(value)?),
                "time" => {
                    let parsed = humantime::parse_rfc3339_weak(value);
                    time = Some(parsed.map_err(|_| malformed("a time as in RFC 3339"))?);
                }
                "datacontenttype" => format = Format::named(value),
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
        let trace = traceparent.and_then(|parent| TraceContext::parse(parent, tracestate));
        let source = source.into();
        Ok(Self::from_outside(Attributes { id, time, source, subject, key, origin, trace, format }, data))
    }
}

/// The attributes that must be of their form.
const READ: [&str; 9] =
    ["id", "source", "type", "time", "datacontenttype", "partitionkey", "correlationid", "causationid", "hops"];

/// Takes a wire type apart.
fn parse(text: &str) -> Result<Subject, MalformedMessage> {
    let malformed =
        |error: MalformedName| MalformedMessage::Type { text: error.name().to_owned(), error: error.kind() };
    WireType::parse(text).map(WireType::subject).map_err(malformed)
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

#[cfg(test)]
mod tests {
    use super::Message;

    #[test]
    fn a_message_from_outside_keeps_its_source() {
        let message = Message::from_attributes([("type", "note.made"), ("source", "/shop")], *b"1").unwrap();
        assert_eq!(message.source(), "/shop");
    }
}
