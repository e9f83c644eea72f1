//! The parts that many payloads share.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An account: a person, a bot or an organization.
#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct User {
    pub(crate) login: String,
    #[serde(rename = "type")]
    kind: AccountKind,
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
        self.kind == AccountKind::Bot
    }
}

/// A repository, by its full name: `owner/name`.
#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Repository {
    pub(crate) full_name: String,
    pub(crate) private: bool,
}

#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Organization {
    pub(crate) login: String,
}

#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Label {
    pub(crate) name: String,
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
