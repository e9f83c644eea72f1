//! Publishing JSON by name.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    PublishJsonError,
    failed::described,
    sending::{Limit, Rejected, Sending, When},
};
use crate::{
    call::MessageId,
    emission::Bus,
    event::EventType,
    listener::Subject,
    named::{Json, ReadJson, ReadJsonError},
    transport::{Content, ContentRef, Data, Format, Message},
};

impl Bus {
    /// Publishes JSON under a name, with its version where that is not 1 (`user.created.v2`).
    ///
    /// If a type has claimed the name, the payload is decoded as that type (`#[event(serde)]`), once and now, and its handlers
    /// get it as if it had been published typed. Under a name that no type claims it is carried as JSON, for the handlers by pattern
    /// that match.
    ///
    /// Awaited, it waits as [`publish`](Self::publish) does.
    ///
    /// # Errors
    ///
    /// Those of [`emit_json`](Self::emit_json), before anything is published; awaited, a [`PublishJsonError`], which hands the
    /// message back.
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
    /// let log = bus.consumer("log").handle_pattern("issues.*", |e, _| async move { println!("{:?}", e.to_json()) });
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
    pub fn publish_json<'a>(&self, name: &str, json: impl Into<Json<'a>>) -> Result<PublishJson<'_>, ReadJsonError> {
        let content = match self.read_json(name, json)? {
            ReadJson::Typed(event, value) => Content::named(Arc::from(value), described(event)),
            ReadJson::Unclaimed(subject, json) => {
                Content::data(Data { subject, bytes: Arc::from(json.as_bytes()), format: Format::Json })
            }
        };
        Ok(PublishJson { content: Some(content), sending: Sending::new(self) })
    }
}

/// JSON that is about to be published; made by [`Bus::publish_json`](crate::Bus::publish_json).
///
/// # Cancel safety
///
/// As for [`Publish`](super::Publish); [`into_message`](Self::into_message) has the message back, as after a lost `select!`.
#[must_use = "nothing is published until it is awaited"]
pub struct PublishJson<'b> {
    /// Until it is first polled.
    content: Option<Content>,
    sending: Sending<'b>,
}

impl<'b> PublishJson<'b> {
    /// As [`Publish::key`](super::Publish::key).
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.sending.options().key = Some(key.into());
        self
    }

    /// As [`Publish::id`](super::Publish::id).
    pub fn id(mut self, id: MessageId) -> Self {
        self.sending.options().id = Some(id);
        self
    }

    /// As [`Publish::dedupe`](super::Publish::dedupe).
    pub fn dedupe(mut self, window: Duration) -> Self {
        self.sending.options().dedupe = Some(window);
        self
    }

    /// As [`Publish::after`](super::Publish::after).
    pub fn after(mut self, delay: Duration) -> Self {
        self.sending.options().when = Some(When::After(delay));
        self
    }

    /// As [`Publish::at`](super::Publish::at).
    pub fn at(mut self, time: SystemTime) -> Self {
        self.sending.options().when = Some(When::At(time));
        self
    }

    /// As [`Publish::timeout`](super::Publish::timeout).
    pub fn timeout(mut self, time: Duration) -> Self {
        self.sending.options().limit = Some(Limit::For(time));
        self
    }

    /// As [`Publish::deadline`](super::Publish::deadline).
    pub fn deadline(mut self, at: impl Into<Instant>) -> Self {
        self.sending.options().limit = Some(Limit::Until(at.into()));
        self
    }

    /// As [`Publish::cancel_on`](super::Publish::cancel_on).
    pub fn cancel_on(mut self, token: &CancellationToken) -> Self {
        self.sending.options().tokens.push(token.clone());
        self
    }

    /// As [`Publish::until`](super::Publish::until).
    pub fn until(mut self, future: impl Future<Output = ()> + Send + 'b) -> Self {
        self.sending.options().until.push(Box::pin(future));
        self
    }

    /// The type that has claimed the name, if one has; `None` once it has been published.
    pub fn event_type(&self) -> Option<&'static EventType> {
        match self.content()? {
            ContentRef::Shared(shared) => Some(shared.kind().event),
            _ => None,
        }
    }

    /// Takes the message back; `None` if it has been published, or handed back by an error.
    pub fn into_message(mut self) -> Option<Message> {
        match self.content.take() {
            Some(content) => Some(self.sending.message_of(content)),
            None => self.sending.take_back(),
        }
    }

    fn content(&self) -> Option<ContentRef<'_>> {
        self.content.as_ref().map(Content::look).or_else(|| self.sending.message().map(Message::content))
    }
}

impl Future for PublishJson<'_> {
    type Output = Result<(), PublishJsonError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { content, sending } = &mut *self;
        if content.is_some() && !sending.may_begin(cx) {
            return Poll::Pending;
        }
        let polled = match content.take() {
            Some(content) => sending.begin(content, cx),
            None => sending.poll(cx),
        };
        polled.map(|published| published.map_err(error_of))
    }
}

fn error_of(Rejected { why, message }: Rejected) -> PublishJsonError {
    PublishJsonError::new(why, message)
}

impl Drop for PublishJson<'_> {
    fn drop(&mut self) {
        if let Some(content) = self.content.take() {
            // It may hold an event, which is foreign code.
            let _ = crate::event::isolate(|| drop(content));
        }
    }
}

impl fmt::Debug for PublishJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.content().map(|content| match content {
            ContentRef::Shared(shared) => Subject::Typed(shared.kind().event).to_string(),
            ContentRef::Data(data) => data.subject.to_string(),
            ContentRef::Malformed(_) => String::new(),
        });
        f.debug_struct("PublishJson").field("event", &event).finish_non_exhaustive()
    }
}
