//! Issues, the comments on them, and what sorts them.

use eventbus::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{CommentAction, Label, Organization, Repository, User, open};
use super::time::Timestamp;

/// An issue was opened, labelled, closed, ..
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.issues", serde, schema)]
pub(crate) struct IssueChanged {
    pub(crate) action: IssueAction,
    pub(crate) issue: Issue,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum IssueAction {
    Opened,
    Reopened,
    Closed,
    Deleted,
    Transferred,
    Labeled,
    Unlabeled,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) title: String,
    labels: Option<Vec<Option<Label>>>,
    pub(crate) created_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
}

impl Issue {
    /// The names of its labels.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        let labels = self.labels.iter().flatten().flatten();
        labels.map(|label| label.name.as_deref().unwrap_or_default())
    }
}

/// Somebody commented on an issue or a pull request.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.issue_comment", serde, schema)]
pub(crate) struct IssueCommented {
    pub(crate) action: CommentAction,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A label was made, renamed or removed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.label", serde, schema)]
pub(crate) struct LabelChanged {
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A milestone was made, edited, closed or removed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.milestone", serde, schema)]
pub(crate) struct MilestoneChanged {
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}
