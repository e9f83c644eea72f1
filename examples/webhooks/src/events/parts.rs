//! The parts that many payloads share.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where something happens that happens in no repository and no organization.
pub(crate) const ELSEWHERE: &str = "GitHub";

/// What stands for a name that GitHub does not tell.
pub(crate) const NOBODY: &str = "somebody";

/// An account: a person, a bot, an organization, or an enterprise.
#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct User {
    login: Option<String>,
    /// What an enterprise has instead of a login.
    slug: Option<String>,
    #[serde(rename = "type")]
    kind: Option<AccountKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[schemars(transform = open)]
enum AccountKind {
    Bot,
    #[serde(other)]
    Other,
}

impl User {
    /// Whether a program acts under this account.
    pub(crate) fn is_bot(&self) -> bool {
        self.kind == Some(AccountKind::Bot)
    }

    /// What it is called.
    pub(crate) fn login(&self) -> &str {
        self.login.as_deref().or(self.slug.as_deref()).unwrap_or(NOBODY)
    }

    /// What an account is called that a payload need not have.
    pub(crate) fn login_of(user: Option<&Self>) -> &str {
        user.map_or(NOBODY, Self::login)
    }
}

/// A repository, by its full name: `owner/name`.
#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Repository {
    pub(crate) full_name: String,
    pub(crate) private: Option<bool>,
}

#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Organization {
    login: Option<String>,
}

impl Organization {
    pub(crate) fn login(&self) -> &str {
        self.login.as_deref().unwrap_or(ELSEWHERE)
    }
}

#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Label {
    pub(crate) name: Option<String>,
}

/// What happened to a comment, wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum CommentAction {
    Created,
    #[serde(other)]
    Other,
}

/// What a value was before an edit.
#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Was<T> {
    pub(crate) from: T,
}

/// The schema of an enum that takes other words too, under another name or as `Other`: a string, for example one of these.
pub(super) fn open(schema: &mut Schema) {
    let one_of = schema.remove("oneOf").into_iter().flat_map(|variants| match variants {
        Value::Array(variants) => variants,
        _ => Vec::new(),
    });
    let mut words: Vec<Value> = one_of.filter_map(|variant| variant.get("const").cloned()).collect();
    if let Some(Value::Array(variants)) = schema.remove("enum") {
        words.extend(variants);
    }
    words.retain(|word| word != "other" && word != "Other");
    schema.insert("type".to_owned(), json!("string"));
    schema.insert("examples".to_owned(), words.into());
}
