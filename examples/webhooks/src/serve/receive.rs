//! One delivery: is it whole, is it from GitHub, what is it; then it is published.

use std::{borrow::Cow, sync::Arc, time::Duration};

use eventbus::{Bus, by_name::ReadJsonError, publish::PublishJsonError};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body, Bytes},
    header::CONTENT_TYPE,
    http::request,
};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{Answer, json},
    body,
    budget::Budget,
    guid::identity,
    health,
    limits::Limits,
    metrics::{self, Exporter},
    refusal::Refusal,
    signature::{Secret, Verifier},
};

/// How long a delivery waits for room: long enough for workers that are about to be done, short for who waits.
const ROOM: Duration = Duration::from_millis(250);

/// What taking deliveries in needs.
#[derive(Clone)]
pub(super) struct Receiver(Arc<Parts>);

struct Parts {
    bus: Bus,
    secret: Secret,
    budget: Budget,
    /// For how long a delivery that comes again is known by its GUID.
    window: Duration,
    patience: Duration,
    cutoff: CancellationToken,
    exporter: Exporter,
}

/// A delivery that was taken in, now or before. What handlers make of it is not known yet.
#[derive(Serialize)]
struct Accepted<'a> {
    /// By which the bus knows it, in its dead letters, too: the GUID.
    id: String,
    /// By which GitHub knows it.
    delivery: &'a str,
    /// The kind, and the action where there is one.
    name: String,
    /// Whether it was taken in before, and is not handled again.
    duplicate: bool,
}

/// What every payload may have.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    action: Option<Action<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Action<'a> {
    Word(#[serde(borrow)] Cow<'a, str>),
    // Not looked at any further: it makes no name.
    Other(serde::de::IgnoredAny),
}

impl Receiver {
    /// What publishes on `bus`. Bodies that have not arrived when `cutoff` is cancelled are refused.
    pub(super) fn new(
        bus: &Bus,
        secret: Secret,
        limits: &Limits,
        cutoff: &CancellationToken,
        exporter: &Exporter,
    ) -> Self {
        let (bus, cutoff, exporter, patience) = (bus.clone(), cutoff.clone(), exporter.clone(), limits.body);
        let (budget, window) = (Budget::new(limits.held_bytes), limits.remembered_for);
        Self(Arc::new(Parts { bus, secret, budget, window, patience, cutoff, exporter }))
    }

    /// Takes a delivery in, on any path: which one it is, is agreed upon with GitHub, not with this program.
    pub(super) async fn answer<B>(self, request: Request<B>) -> Response<Answer>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let Parts { bus, exporter, .. } = &*self.0;
        let is_read = [Method::GET, Method::HEAD].contains(request.method());
        match request.uri().path() {
            metrics::PATH if is_read => exporter.answer(bus).await,
            health::PATH if is_read => health::answer(bus).await,
            _ => self.0.receive(request).await.unwrap_or_else(Refusal::answer),
        }
    }
}

impl Parts {
    async fn receive<B>(&self, request: Request<B>) -> Result<Response<Answer>, Refusal>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (head, body) = request.into_parts();
        let headers = &head.headers;
        // Before a byte is kept that cannot be signed.
        let verifier = match self.verifier(&head) {
            Ok(verifier) => verifier,
            Err(refusal) => {
                body::discard(body, self.patience, self.cutoff.cancelled()).await;
                return Err(refusal);
            }
        };
        let body = body::read(body, verifier, &self.budget, self.patience, self.cutoff.cancelled()).await?;

        let event = text(headers, "X-GitHub-Event")?;
        let delivery = text(headers, "X-GitHub-Delivery")?;
        let name = name(event, body.bytes())?;
        let id = identity(delivery);
        let publish =
            self.bus.publish_json(&format!("github.{event}"), body.bytes()).map_err(|error| unreadable(&error))?;
        // It is no protection against who records a signed request and sends it again: GitHub signs the body, not the GUID.
        let duplicate = match publish.id(id).dedupe(self.window).timeout(ROOM).await {
            Ok(()) => false,
            Err(PublishJsonError::Duplicate(_)) => true,
            Err(PublishJsonError::Full(_)) => return Err(Refusal::Busy("too many deliveries wait already")),
            Err(PublishJsonError::Closed(_)) => return Err(Refusal::Busy("the service is about to end")),
            Err(error) => return Err(Refusal::Broken(error.to_string())),
        };
        Ok(json(StatusCode::ACCEPTED, &Accepted { id: id.to_string(), delivery, name, duplicate }))
    }

    fn verifier(&self, head: &request::Parts) -> Result<Verifier, Refusal> {
        if head.method != Method::POST {
            return Err(Refusal::NoPost);
        }
        if !is_json(&head.headers) {
            return Err(Refusal::NotJson);
        }
        let signature = head.headers.get("X-Hub-Signature-256").ok_or(Refusal::Unsigned)?;
        self.secret.verifier(signature.as_bytes()).ok_or(Refusal::Unsigned)
    }
}

fn unreadable(error: &ReadJsonError) -> Refusal {
    match error {
        ReadJsonError::TooLarge { .. } => Refusal::TooLarge,
        ReadJsonError::NoCodec { .. } | ReadJsonError::Ambiguous { .. } => Refusal::Broken(error.to_string()),
        _ => Refusal::Malformed(error.to_string()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

/// The kind, and the action where there is one.
fn name(event: &str, body: &[u8]) -> Result<String, Refusal> {
    let head: Head = serde_json::from_slice(body).map_err(|error| {
        // What it is instead is not said: that would be a value.
        let (line, column) = (error.line(), error.column());
        Refusal::Malformed(format!("the body is no JSON object of a delivery, seen at line {line} column {column}"))
    })?;
    match head.action {
        Some(Action::Word(action)) => Ok(format!("{event}.{action}")),
        Some(Action::Other(_)) => Err(Refusal::Malformed("`action`: expected a string".to_owned())),
        None => Ok(event.to_owned()),
    }
}

/// A header that must be there.
fn text<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Refusal> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    value.ok_or_else(|| Refusal::Malformed(format!("the header {name} is missing or no text")))
}
