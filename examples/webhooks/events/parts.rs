//! The parts that many payloads share.

use serde::Deserialize;

/// An account: a person, a bot or an organization.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct User {
    pub(crate) login: String,
    #[serde(rename = "type")]
    kind: AccountKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum AccountKind {
    Bot,
    #[serde(other)]
    Other,
}

impl User {
    /// Whether a program acts under this account.
    pub(crate) fn is_bot(&self) -> bool {
        self.kind == AccountKind::Bot
    }
}

/// A repository, by its full name: `owner/name`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Repository {
    pub(crate) full_name: String,
    pub(crate) private: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Organization {
    pub(crate) login: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Label {
    pub(crate) name: String,
}

/// What happened to a comment, wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CommentAction {
    Created,
    #[serde(other)]
    Other,
}

/// What a value was before an edit.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Was<T> {
    pub(crate) from: T,
}
