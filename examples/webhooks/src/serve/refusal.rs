//! Requests that are refused, and how that is said in HTTP.

use axum::{
    Json,
    http::{StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Seconds after which a client may come again when there was no room.
const RETRY_SECONDS: &str = "5";

/// Why a delivery was not taken in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is not JSON, says its header.
    NotJson,
    TooLarge,
    /// Its body did not arrive.
    Incomplete(String),
    /// Nobody who knows the secret has sent it. It says no more: who guesses is not to learn from it.
    Unsigned,
    /// What the sender can mend.
    Malformed(String),
    /// The queues are full, or the service is about to end: the sender may come again.
    Busy(&'static str),
    /// What the sender cannot mend.
    Broken(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Self::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json".to_owned())
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "deliveries have 25 MiB at most".to_owned()),
            Self::Incomplete(why) => (StatusCode::REQUEST_TIMEOUT, why),
            Self::Unsigned => (StatusCode::UNAUTHORIZED, "X-Hub-Signature-256 is missing or wrong".to_owned()),
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, why),
            Self::Busy(why) => {
                let body = Json(json!({"error": why}));
                return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, RETRY_SECONDS)], body).into_response();
            }
            Self::Broken(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
        };
        (status, Json(json!({"error": why}))).into_response()
    }
}
