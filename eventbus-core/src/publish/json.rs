//! Publishing JSON by name.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    Message, MessageId, PublishError,
    message::{JsonEvent, MessageContent, SharedEvent},
    sending::{Payload, Sending},
    typed::TypedKind,
};
use crate::{
    call::Cause,
    emission::Bus,
    event::EventType,
    listener::Subject,
    named::{ByNameError, Json, ReadJson},
};

impl Bus {
    /// Publishes JSON under a name, with its version where that is not 1 (`user.created.v2`).
    ///
    /// If a type has claimed the name, the payload is decoded as that type (`#[event(serde)]`), once and now, and its handlers
    /// get it as if it had been published typed. Under a name that no type claims it is carried as JSON, for the handlers by name
    /// that match.
    ///
    /// Awaited, it waits as [`publish`](Self::publish) does.
    ///
    /// # Errors
    ///
    /// Those of [`emit_json`](Self::emit_json), before anything is published; awaited, a [`PublishError`] that hands the message
    /// back.
    ///
    /// # Cancel safety
    ///
    /// As for [`Publish`](super::Publish): dropped before it is ready, the event has not been published, unless the transport is
    /// another process.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::Bus;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let bus = Bus::new();
    /// let log = bus.consumer("log").handle_name("issues.*", |e, _| async move { println!("{:?}", e.to_json()) });
    /// log.start().await?;
    ///
    /// bus.publish_json("issues.opened", r#"{"number": 7}"#)?.key("7").await?;
    /// assert!(bus.publish_json("issues.opened", "{").is_err());
    ///
    /// let report = bus.shutdown(Duration::from_secs(5)).await;
    /// assert_eq!(report.stats().deliveries().handled, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_json<'a>(&self, name: &str, json: impl Into<Json<'a>>) -> Result<PublishJson<'_>, ByNameError> {
        let content = match self.read_json(name, json)? {
            ReadJson::Typed(event, value) => {
                MessageContent::Shared(SharedEvent { event: Arc::from(value), kind: TypedKind::described(event) })
            }
            ReadJson::Unclaimed(subject, json) => {
                MessageContent::Json(Arc::new(JsonEvent { subject, json: Arc::from(json.as_bytes()) }))
            }
        };
        Ok(PublishJson { sending: Sending::new(self, content) })
    }
}

/// JSON that is about to be published; made by [`Bus::publish_json`](crate::Bus::publish_json).
///
/// # Cancel safety
///
/// As for [`Publish`](super::Publish); [`into_message`](Self::into_message) has the message back, as after a lost `select!`.
#[must_use = "nothing is published until it is awaited"]
pub struct PublishJson<'b> {
    sending: Sending<'b, MessageContent>,
}

impl Payload for MessageContent {
    type Back = Message;

    fn into_message(self, source: &'static str, key: Option<Box<str>>, cause: Option<&Cause>) -> Message {
        Message::of_content(self, source, key, cause)
    }

    fn of_message(message: Message) -> Option<Message> {
        Some(message)
    }
}

impl PublishJson<'_> {
    /// As [`Publish::key`](super::Publish::key).
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.sending.key = Some(key.into());
        self
    }

    /// As [`Publish::id`](super::Publish::id).
    pub fn id(mut self, id: MessageId) -> Self {
        self.sending.id = Some(id);
        self
    }

    /// As [`Publish::timeout`](super::Publish::timeout).
    pub fn timeout(mut self, time: Duration) -> Self {
        self.sending.timeout = Some(time);
        self
    }

    /// As [`Publish::cancel_on`](super::Publish::cancel_on).
    pub fn cancel_on(mut self, token: &CancellationToken) -> Self {
        self.sending.tokens.push(token.clone());
        self
    }

    /// The type that has claimed the name, if one has; `None` once it has been published.
    pub fn event_type(&self) -> Option<&'static EventType> {
        match self.content()? {
            MessageContent::Shared(shared) => Some(shared.kind.event),
            MessageContent::Json(_) => None,
        }
    }

    /// Takes the message back; `None` if it has been published, or handed back by an error.
    pub fn into_message(mut self) -> Option<Message> {
        self.sending.take_back()
    }

    fn content(&self) -> Option<&MessageContent> {
        self.sending.payload().or_else(|| self.sending.message().map(Message::content))
    }
}

impl Future for PublishJson<'_> {
    type Output = Result<(), PublishError<Message>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.sending).poll(cx)
    }
}

impl fmt::Debug for PublishJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.content().map(|content| match content {
            MessageContent::Shared(shared) => Subject::Typed(shared.kind.event).to_string(),
            MessageContent::Json(json) => json.subject.to_string(),
        });
        f.debug_struct("PublishJson").field("event", &event).finish_non_exhaustive()
    }
}
