//! Code and those who follow it: pushes, branches, tags, releases, forks, stars.

use eventbus::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{Organization, Repository, User, open};

/// Commits were pushed, or a branch or tag was moved.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.push", serde, schema)]
pub(crate) struct Pushed {
    #[serde(rename = "ref")]
    pub(crate) ref_name: String,
    #[serde(default)]
    pub(crate) forced: bool,
    #[serde(default)]
    pub(crate) commits: Vec<Commit>,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A pushed commit, by the files it touched.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Commit {
    pub(crate) added: Option<Vec<String>>,
    pub(crate) removed: Option<Vec<String>>,
    pub(crate) modified: Option<Vec<String>>,
}

/// A branch or a tag was made.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.create", serde, schema)]
pub(crate) struct RefCreated {
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A branch or a tag was removed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.delete", serde, schema)]
pub(crate) struct RefDeleted {
    #[serde(rename = "ref")]
    pub(crate) ref_name: String,
    pub(crate) ref_type: String,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// Somebody commented on a commit.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.commit_comment", serde, schema)]
pub(crate) struct CommitCommented {
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A release was drafted, published, removed, ..
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.release", serde, schema)]
pub(crate) struct ReleaseChanged {
    pub(crate) action: ReleaseAction,
    pub(crate) release: Release,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum ReleaseAction {
    Published,
    Deleted,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Release {
    pub(crate) tag_name: String,
}

/// A repository was forked.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.fork", serde, schema)]
pub(crate) struct Forked {
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A star was given or taken back.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.star", serde, schema)]
pub(crate) struct Starred {
    pub(crate) action: StarAction,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum StarAction {
    Created,
    Deleted,
    #[serde(other)]
    Other,
}

/// A star was given, as GitHub told it before it had `github.star`.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.watch", serde, schema)]
pub(crate) struct WatchStarted {
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}
