//! Requests that are refused, and how that is said in HTTP.

use hyper::{
    Response, StatusCode,
    header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER},
};
use serde_json::json;

use super::answer::{Answer, json};

/// Seconds after which a client may come again when there was no room.
const RETRY_SECONDS: &str = "5";

/// Why a delivery was not taken in.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It does not post.
    NoPost,
    /// It is not JSON, says its header.
    NotJson,
    TooLarge,
    /// Its body did not arrive.
    Incomplete(String),
    /// Nobody who knows the secret has sent it. It says no more: who guesses is not to learn from it.
    Unsigned,
    /// What the sender can mend.
    Malformed(String),
    /// There is no room, or the service is about to end: the sender may come again.
    Busy(&'static str),
    /// What the sender cannot mend.
    Broken(String),
}

impl Refusal {
    pub(super) fn answer(self) -> Response<Answer> {
        let mut header: Option<(HeaderName, &'static str)> = None;
        let (status, why) = match self {
            Self::NoPost => {
                header = Some((ALLOW, "POST"));
                (StatusCode::METHOD_NOT_ALLOWED, "deliveries are posted".to_owned())
            }
            Self::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type must be application/json".to_owned())
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "deliveries have 25 MiB at most".to_owned()),
            Self::Incomplete(why) => (StatusCode::REQUEST_TIMEOUT, why),
            Self::Unsigned => (StatusCode::UNAUTHORIZED, "X-Hub-Signature-256 is missing or wrong".to_owned()),
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, why),
            Self::Busy(why) => {
                header = Some((RETRY_AFTER, RETRY_SECONDS));
                (StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
            }
            Self::Broken(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
        };
        let mut response = json(status, &json!({"error": why}));
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
