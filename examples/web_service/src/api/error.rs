//! What goes wrong, as HTTP: the one place where an emission's error becomes a status.

use axum::{
    Json,
    extract::rejection::JsonRejection,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use eventbus::{EmitError, Failure, Outcome};
use serde::Serialize;
use serde_json::json;

use crate::events::Refusal;

/// Why a request did not do what it was for.
#[derive(Debug)]
pub(super) enum ApiError {
    Body(JsonRejection),
    Invalid(Vec<&'static str>),
    NoSuchOrder,
    Emission(Problem),
}

/// An emission that did not end well, as a client may see it.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    error: &'static str,
    event: String,
    failures: Vec<FailedListener>,
}

#[derive(Debug, Serialize)]
struct FailedListener {
    listener: String,
    outcome: String,
}

impl Problem {
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<EmitError> for Problem {
    fn from(error: EmitError) -> Self {
        let report = error.report();
        let failures = report.failures();
        let (status, word) = match &error {
            EmitError::TimedOut(_) => (StatusCode::GATEWAY_TIMEOUT, "timed out"),
            // A client that has gone reads no status, so nginx's 499 would be for nobody: who reads this one was there
            // when the service was told to end.
            EmitError::Cancelled(_) => (StatusCode::SERVICE_UNAVAILABLE, "cancelled"),
            _ if failures.iter().all(is_refusal) => (StatusCode::CONFLICT, "refused"),
            _ => (StatusCode::BAD_GATEWAY, "failed"),
        };
        let failures = failures.iter().map(FailedListener::from).collect();
        Self { status, error: word, event: report.event_name().to_owned(), failures }
    }
}

fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.outcome(), Outcome::Failed(error) if error.is::<Refusal>())
}

impl From<&Failure> for FailedListener {
    fn from(failure: &Failure) -> Self {
        // The log has file, line and the panic's message; a client has no use for them, or too much of it.
        let outcome = match failure.outcome() {
            Outcome::Panicked(_) => "panicked".to_owned(),
            outcome => outcome.to_string(),
        };
        let listener = failure.listener().name().unwrap_or("unnamed").to_owned();
        Self { listener, outcome }
    }
}

impl From<EmitError> for ApiError {
    fn from(error: EmitError) -> Self {
        Self::Emission(error.into())
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::Body(rejection)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Body(rejection) => {
                (rejection.status(), Json(json!({ "error": rejection.body_text() }))).into_response()
            }
            Self::Invalid(problems) => {
                let body = json!({ "error": "invalid", "problems": problems });
                (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
            }
            Self::NoSuchOrder => (StatusCode::NOT_FOUND, Json(json!({ "error": "no such order" }))).into_response(),
            Self::Emission(problem) => (problem.status, Json(problem)).into_response(),
        }
    }
}
