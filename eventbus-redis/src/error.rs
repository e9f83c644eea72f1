//! Errors, with texts that show neither payloads nor passwords.

use std::time::Duration;

use redis::{RedisError, ServerError};

/// An error returned by [`RedisStreamsBuilder::connect`](crate::RedisStreamsBuilder::connect).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be used. It is not shown, since it may hold a password.
    #[error(
        "the URL of Redis is malformed; expected `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS, \
         which needs the feature `tls`"
    )]
    Url,
    /// A setting of the builder is out of range.
    #[error("the setting `{name}` of the Redis transport is out of range: expected {expected}")]
    #[non_exhaustive]
    Setting {
        /// The builder's method.
        name: &'static str,
        /// What is allowed.
        expected: &'static str,
    },
    /// The server does not answer, or does not let this client in.
    #[error("Redis at {address} cannot be used: {reason}")]
    #[non_exhaustive]
    Unusable {
        /// Host and port, or the path of the socket.
        address: String,
        /// What the server or the operating system says.
        reason: String,
    },
    /// The server is too old.
    #[error("Redis at {address} has version {version}; 7.0 or later is needed, or Valkey")]
    #[non_exhaustive]
    TooOld {
        /// Host and port, or the path of the socket.
        address: String,
        /// The server's version.
        version: String,
    },
    /// Other programs over the stream have another number of partitions.
    #[error("the stream has {noted} partitions, and {asked} were asked for: all programs must say the same number")]
    #[non_exhaustive]
    Partitions {
        /// How many this program asks for.
        asked: u16,
        /// How many there are.
        noted: u64,
    },
}

/// A command that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CommandError {
    /// It has surely not been executed.
    #[error("could not {action}: {reason}")]
    NotSent { action: &'static str, reason: String },
    /// It was sent, and no answer came.
    #[error("could not {action}: no answer: {reason}")]
    NoAnswer { action: &'static str, reason: String },
    /// The server refused it.
    #[error("could not {action}: {reason}")]
    Refused { action: &'static str, code: String, reason: String },
    /// The answer has another form than expected.
    #[error("could not {action}: the server's answer has an unexpected form")]
    Answer { action: &'static str },
    #[error("could not {action}: the transport is closed")]
    Closed { action: &'static str },
}

impl CommandError {
    pub(crate) fn refused(action: &'static str, error: &ServerError) -> Self {
        let reason = redact(&format!("{} {}", error.code(), error.details().unwrap_or_default()));
        Self::Refused { action, code: error.code().to_owned(), reason }
    }

    /// Whether the server says that the group is not there.
    pub(crate) fn is_no_group(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "NOGROUP" || code == "UNBLOCKED")
    }
}

/// What a client's error says.
pub(crate) fn describe(error: &RedisError) -> String {
    redact(&error.to_string())
}

/// Cuts what may hold values: a server that does not know a command repeats its arguments, `AUTH`'s among them.
fn redact(text: &str) -> String {
    const LONGEST: usize = 300;
    let end = text.find("with args beginning").unwrap_or(text.len());
    let text = text[..end].trim_end_matches([',', ' ']);
    let text = &text[..text.floor_char_boundary(LONGEST)];
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// What a time limit says when it is over.
pub(crate) fn over(limit: Duration) -> String {
    format!("timed out after {limit:?}")
}
