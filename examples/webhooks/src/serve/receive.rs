//! One delivery: is it whole, is it from GitHub, what is it; then it is published.

use std::{borrow::Cow, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
};
use eventbus::{Bus, ByNameError, MessageId, PublishError};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{refusal::Refusal, signature::Secret};
use crate::input::LARGEST_DELIVERY;

/// How long a body may take to arrive. GitHub itself gives up after ten seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a delivery waits for room: long enough for workers that are about to be done, short for who waits.
const ROOM: Duration = Duration::from_millis(250);

/// What taking deliveries in needs.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) bus: Bus,
    pub(super) secret: Secret,
}

/// A delivery that was taken in. What handlers make of it is not known yet.
#[derive(Serialize)]
pub(super) struct Accepted {
    /// By which the bus knows it, in its dead letters, too.
    id: String,
    /// By which GitHub knows it.
    delivery: String,
    /// The kind, and the action where there is one.
    name: String,
}

/// What every payload may have.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    action: Option<Cow<'a, str>>,
}

/// Takes a delivery in.
pub(super) async fn receive(
    State(Receiver { bus, secret }): State<Receiver>,
    request: Request,
) -> Result<(StatusCode, Json<Accepted>), Refusal> {
    let headers = request.headers().clone();
    let body = body(&headers, request).await?;
    // Before anything in it is looked at.
    let signature = headers.get("X-Hub-Signature-256").map_or(&b""[..], |header| header.as_bytes());
    if !secret.has_signed(&body, signature) {
        return Err(Refusal::Unsigned);
    }
    let event = text(&headers, "X-GitHub-Event")?;
    let delivery = text(&headers, "X-GitHub-Delivery")?.to_owned();
    let head: Head = serde_json::from_slice(&body)
        .map_err(|error| Refusal::Malformed(format!("the body is no JSON object of a delivery: {error}")))?;
    let name = match head.action {
        Some(action) => format!("{event}.{action}"),
        None => event.to_owned(),
    };

    let publish = bus.publish_json(&format!("github.{event}"), &body[..]).map_err(|error| match error {
        ByNameError::TooLarge { .. } => Refusal::TooLarge,
        ByNameError::NoCodec { .. } | ByNameError::Ambiguous { .. } => Refusal::Broken(error.to_string()),
        _ => Refusal::Malformed(error.to_string()),
    })?;
    let id = MessageId::new();
    publish.id(id).timeout(ROOM).await.map_err(|error| match error {
        PublishError::Full(_) => Refusal::Busy("too many deliveries wait already"),
        PublishError::Closed(_) => Refusal::Busy("the service is about to end"),
        _ => Refusal::Broken(error.to_string()),
    })?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { id: id.to_string(), delivery, name })))
}

async fn body(headers: &HeaderMap, request: Request) -> Result<Bytes, Refusal> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let media_type = header(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::NotJson);
    }
    // Said before it is sent.
    if header(CONTENT_LENGTH)
        .and_then(|length| length.parse().ok())
        .is_some_and(|length: usize| length > LARGEST_DELIVERY)
    {
        return Err(Refusal::TooLarge);
    }
    let read = timeout(PATIENCE, Bytes::from_request(request, &())).await;
    let read = read.map_err(|_| Refusal::Incomplete("the body takes too long to arrive".to_owned()))?;
    read.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
        _ => Refusal::Malformed(error.body_text()),
    })
}

/// A header that must be there.
fn text<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Refusal> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    value.ok_or_else(|| Refusal::Malformed(format!("the header {name} is missing or no text")))
}
