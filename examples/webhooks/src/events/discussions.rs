//! Discussions.

use eventbus::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{CommentAction, Organization, Repository, User, open};

/// A discussion was started, answered, moved, ..
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.discussion", serde, schema)]
pub(crate) struct DiscussionChanged {
    pub(crate) action: DiscussionAction,
    pub(crate) discussion: Discussion,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum DiscussionAction {
    Created,
    Answered,
    Unanswered,
    Deleted,
    Transferred,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Discussion {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) category: Category,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Category {
    pub(crate) name: String,
    /// Whether discussions of this category can have an accepted answer.
    pub(crate) is_answerable: bool,
}

/// Somebody commented on a discussion.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.discussion_comment", serde, schema)]
pub(crate) struct DiscussionCommented {
    pub(crate) action: CommentAction,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}
