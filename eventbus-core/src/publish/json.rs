//! Publishing JSON by name.

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    BoxFuture, Message, MessageId, PublishError, Publishing, Refused,
    ledger::Intake,
    message::{JsonEvent, MessageContent, SharedEvent},
    typed::TypedKind,
};
use crate::{
    bus::Bus,
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
        Ok(PublishJson { bus: self, content, key: None, id: None, timeout: None, token: None })
    }
}

/// JSON that is about to be published; made by [`Bus::publish_json`](crate::Bus::publish_json).
#[must_use = "nothing is published until it is awaited"]
pub struct PublishJson<'b> {
    bus: &'b Bus,
    content: MessageContent,
    key: Option<Box<str>>,
    id: Option<MessageId>,
    timeout: Option<Duration>,
    token: Option<CancellationToken>,
}

impl PublishJson<'_> {
    /// As [`Publish::key`](super::Publish::key).
    pub fn key(mut self, key: impl Into<Box<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// As [`Publish::id`](super::Publish::id).
    pub fn id(mut self, id: MessageId) -> Self {
        self.id = Some(id);
        self
    }

    /// As [`Publish::timeout`](super::Publish::timeout).
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// As [`Publish::cancel_on`](super::Publish::cancel_on).
    pub fn cancel_on(mut self, token: &CancellationToken) -> Self {
        self.token = Some(token.clone());
        self
    }

    /// The type that has claimed the name, if one has.
    pub fn event_type(&self) -> Option<&'static EventType> {
        match &self.content {
            MessageContent::Shared(shared) => Some(shared.kind.event),
            MessageContent::Json(_) => None,
        }
    }

    async fn run(self) -> Result<(), PublishError<Message>> {
        let Self { bus, content, key, id, timeout, token } = self;
        let publishing = bus.publishing();
        let cause = bus.cause();
        let inside = cause.is_some_and(|cause| cause.bus == bus.id());
        let mut message = Message::of_content(content, publishing.source, key, cause.as_ref());
        if let Some(id) = id {
            message.set_id(id);
        }
        let id = message.id();
        let mut entry = Entry::new(&publishing.intake);
        if publishing.is_closed() {
            return Err(PublishError::Closed(message));
        }
        if let Some(cause) = cause.filter(|cause| cause.hops.saturating_add(1) >= publishing.max_hops) {
            let trail = cause.trail.iter().rev().flatten().map(|event| event.name().as_str().to_owned());
            let chain = trail.chain([message.name().to_owned()]).collect();
            return Err(PublishError::TooManyHops { event: message, hops: publishing.max_hops, chain });
        }
        let mut stop = Stop { publishing, token, timeout, until: None };
        loop {
            let mut answer = publishing.transport.try_publish(message);
            if let Err(Refused::WouldWait(unsent)) = answer {
                let sent = publishing.transport.publish(vec![unsent.clone()]);
                entry.is_sent = true;
                answer = tokio::select! {
                    biased;
                    mut answers = sent => answers.pop().unwrap_or_else(|| {
                        Err(Refused::Unknown(unsent, "the transport gave no answer".into()))
                    }),
                    // What has been sent is waited for: a shutdown gives it its time.
                    _ = stop.wait(false) => {
                        return Err(PublishError::Unknown { id, event: unsent, source: "no answer while it was waited for".into() });
                    }
                };
                entry.is_sent = false;
            }
            match answer {
                Ok(()) => {
                    entry.accepted();
                    return Ok(());
                }
                Err(Refused::Full { message: refused, wait: true }) if !inside => {
                    let stopped = tokio::select! {
                        biased;
                        () = publishing.transport.ready() => None,
                        stopped = stop.wait(true) => Some(stopped),
                    };
                    match stopped {
                        None => message = refused,
                        Some(stopped) => return Err(stopped(refused)),
                    }
                }
                Err(refused) => {
                    entry.is_sent = matches!(refused, Refused::Unknown(..));
                    return Err(error_of(refused));
                }
            }
        }
    }
}

impl<'b> IntoFuture for PublishJson<'b> {
    type Output = Result<(), PublishError<Message>>;
    type IntoFuture = BoxFuture<'b, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for PublishJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = match &self.content {
            MessageContent::Shared(shared) => Subject::Typed(shared.kind.event),
            MessageContent::Json(json) => json.subject.clone(),
        };
        f.debug_struct("PublishJson").field("event", &event.to_string()).finish_non_exhaustive()
    }
}

fn error_of(refused: Refused) -> PublishError<Message> {
    match refused {
        Refused::Full { message, .. } | Refused::WouldWait(message) => PublishError::Full(message),
        Refused::Closed(message) => PublishError::Closed(message),
        Refused::Unwritable(message, error) => PublishError::Unwritable(message, error),
        Refused::TooLarge { message, size, limit } => PublishError::TooLarge { event: message, size, limit },
        Refused::Unknown(message, source) => PublishError::Unknown { id: message.id(), event: message, source },
    }
}

/// What ends the waiting.
struct Stop<'b> {
    publishing: &'b Publishing,
    token: Option<CancellationToken>,
    timeout: Option<Duration>,
    /// From the first wait on.
    until: Option<Instant>,
}

impl Stop<'_> {
    /// Waits for the first of them, and tells the error that it is.
    async fn wait(&mut self, ends_with_the_bus: bool) -> fn(Message) -> PublishError<Message> {
        if self.until.is_none() {
            self.until = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        }
        let cancelled = async {
            match &self.token {
                Some(token) => token.cancelled().await,
                None => std::future::pending().await,
            }
        };
        let over = async {
            match self.until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.publishing.closing.cancelled(), if ends_with_the_bus => PublishError::Closed,
            () = cancelled => PublishError::Cancelled,
            () = over => PublishError::Full,
        }
    }
}

/// The event in the books; one that is given up is there, too.
struct Entry<'b> {
    intake: &'b Intake,
    /// Whether nobody knows what becomes of it.
    is_sent: bool,
    is_accepted: bool,
}

impl<'b> Entry<'b> {
    fn new(intake: &'b Intake) -> Self {
        intake.offered.add(1);
        Self { intake, is_sent: false, is_accepted: false }
    }

    fn accepted(&mut self) {
        self.is_accepted = true;
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let end = match (self.is_accepted, self.is_sent) {
            (true, _) => &self.intake.accepted,
            (false, true) => &self.intake.unknown,
            (false, false) => &self.intake.rejected,
        };
        end.add(1);
    }
}
