//! Pull requests and their reviews.

use eventbus::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{CommentAction, Organization, Repository, User, open};
use super::time::Timestamp;

/// A pull request was opened, pushed to, closed, ..
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.pull_request", serde, schema)]
pub(crate) struct PullRequestChanged {
    pub(crate) action: PullRequestAction,
    pub(crate) pull_request: PullRequest,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum PullRequestAction {
    Opened,
    Reopened,
    Closed,
    ReadyForReview,
    ConvertedToDraft,
    ReviewRequested,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct PullRequest {
    pub(crate) number: u64,
    pub(crate) title: String,
    draft: Option<bool>,
    merged: Option<bool>,
    additions: Option<u64>,
    deletions: Option<u64>,
    pub(crate) created_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
}

impl PullRequest {
    pub(crate) fn is_draft(&self) -> bool {
        self.draft == Some(true)
    }

    pub(crate) fn is_merged(&self) -> bool {
        self.merged == Some(true)
    }

    /// How many lines it adds and removes.
    pub(crate) fn lines(&self) -> u64 {
        self.additions.unwrap_or_default().saturating_add(self.deletions.unwrap_or_default())
    }
}

/// A review was submitted, edited or dismissed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.pull_request_review", serde, schema)]
pub(crate) struct PullRequestReviewed {
    pub(crate) review: Review,
    pub(crate) pull_request: PullRequestSummary,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Review {
    pub(crate) state: ReviewState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum ReviewState {
    Approved,
    ChangesRequested,
    Dismissed,
    #[serde(other)]
    Other,
}

/// What payloads about a review tell of the pull request.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct PullRequestSummary {
    pub(crate) number: u64,
    pub(crate) title: String,
}

/// A line of a pull request was commented on.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.pull_request_review_comment", serde, schema)]
pub(crate) struct ReviewCommented {
    pub(crate) action: CommentAction,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A conversation in a review was resolved or taken up again.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.pull_request_review_thread", serde, schema)]
pub(crate) struct ReviewThreadChanged {
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}
