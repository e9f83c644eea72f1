//! Answers: a status, and JSON.

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Serialize;

/// The body of an answer.
pub(super) type Answer = Full<Bytes>;

/// An answer of this status.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response<Answer> {
    // It is written from texts and numbers.
    let body = serde_json::to_vec(body).expect("an answer is JSON");
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
