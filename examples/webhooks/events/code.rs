//! Code and those who follow it: pushes, branches, tags, releases, forks, stars.

use eventbus::Event;
use serde::Deserialize;

use super::parts::{Repository, User};

/// Commits were pushed, or a branch or tag was moved.
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.push")]
pub(crate) struct Pushed {
    #[serde(rename = "ref")]
    pub(crate) ref_name: String,
    pub(crate) forced: bool,
    pub(crate) commits: Vec<Commit>,
    pub(crate) repository: Repository,
    pub(crate) sender: User,
}

/// A pushed commit, by the files it touched.
#[derive(Debug, Deserialize)]
pub(crate) struct Commit {
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
    pub(crate) modified: Vec<String>,
}

/// A branch or a tag was made.
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.create")]
pub(crate) struct RefCreated {
    pub(crate) repository: Repository,
    pub(crate) sender: User,
}

/// A branch or a tag was removed.
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.delete")]
pub(crate) struct RefDeleted {
    #[serde(rename = "ref")]
    pub(crate) ref_name: String,
    pub(crate) ref_type: String,
    pub(crate) repository: Repository,
    pub(crate) sender: User,
}

/// Somebody commented on a commit.
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.commit_comment")]
pub(crate) struct CommitCommented {
    pub(crate) repository: Repository,
    pub(crate) sender: User,
}

/// A release was drafted, published, removed, ..
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.release")]
pub(crate) struct ReleaseChanged {
    pub(crate) action: ReleaseAction,
    pub(crate) release: Release,
    pub(crate) repository: Repository,
    pub(crate) sender: User,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReleaseAction {
    Published,
    Deleted,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Release {
    pub(crate) tag_name: String,
}

/// A repository was forked.
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.fork")]
pub(crate) struct Forked {
    pub(crate) repository: Repository,
    pub(crate) sender: User,
}

/// A star was given or taken back.
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.star")]
pub(crate) struct Starred {
    pub(crate) action: StarAction,
    pub(crate) repository: Repository,
    pub(crate) sender: User,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StarAction {
    Created,
    Deleted,
}

/// A star was given, as GitHub told it before it had `github.star`.
#[derive(Debug, Event, Deserialize)]
#[event(name = "github.watch")]
pub(crate) struct WatchStarted {
    pub(crate) repository: Repository,
    pub(crate) sender: User,
}
