//! The events: what GitHub's webhooks tell, as far as this program wants to know. The example `webhooks` has a type for each kind.

use eventbus::Event;
use serde::Deserialize;

/// An issue was opened, labelled, closed, ..
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.issues")]
pub(crate) struct IssueChanged {
    pub(crate) repository: Repository,
    pub(crate) sender: Account,
}

/// A pull request was opened, pushed to, closed, ..
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.pull_request")]
pub(crate) struct PullRequestChanged {
    pub(crate) repository: Repository,
    pub(crate) sender: Account,
}

/// Commits were pushed, or a branch or tag was moved.
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.push")]
pub(crate) struct Pushed {
    pub(crate) repository: Repository,
    pub(crate) sender: Account,
}

/// Any other kind of delivery. Some tell of no repository, some of no sender.
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.other")]
pub(crate) struct OtherChanged {
    pub(crate) repository: Option<Repository>,
    pub(crate) sender: Option<Account>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Repository {
    pub(crate) full_name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Account {
    #[serde(rename = "type")]
    kind: String,
}

impl Account {
    pub(crate) fn is_bot(&self) -> bool {
        self.kind == "Bot"
    }
}
