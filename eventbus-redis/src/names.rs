//! Names of streams and groups, and the Redis keys that are made of them.

use std::sync::Arc;

use crate::ConnectError;

/// The longest name of a stream or a group, in bytes.
const LONGEST: usize = 128;

/// Checks a stream's name. Braces would change the cluster slot of the keys that belong to the stream.
pub(crate) fn check_stream(name: &str) -> Result<(), ConnectError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if name.is_empty() || name.len() > LONGEST || !name.bytes().all(is_allowed) {
        let expected = "1 to 128 letters, digits, `.`, `_`, `:` and `-`";
        return Err(ConnectError::Setting { name: "stream", expected });
    }
    Ok(())
}

/// Whether a group may have this name.
pub(crate) fn is_group(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST && !name.chars().any(|char| char.is_control() || "{}".contains(char))
}

/// The keys of a stream. All of them share the stream's cluster slot.
#[derive(Debug)]
pub(crate) struct StreamKeys {
    /// The stream itself.
    pub(crate) stream: String,
    /// Delayed messages, a sorted set by the time when they are due.
    pub(crate) delayed: String,
    /// Dead letters, a stream.
    pub(crate) dead: String,
}

impl StreamKeys {
    pub(crate) fn new(stream: &str) -> Self {
        Self { stream: stream.to_owned(), delayed: format!("{{{stream}}}:delayed"), dead: format!("{{{stream}}}:dead") }
    }

    pub(crate) fn group(&self, name: &Arc<str>) -> GroupKeys {
        let key = |part: &str| format!("{{{}}}:group:{name}:{part}", self.stream);
        GroupKeys {
            group: Arc::clone(name),
            stream: self.stream.clone(),
            dead: self.dead.clone(),
            delayed: self.delayed.clone(),
            queue: key("queue"),
            leased: key("leased"),
            body: key("body"),
            counts: key("counts"),
            wake: key("wake"),
            info: key("info"),
            removed: key("removed"),
        }
    }
}

/// The keys of a group: its redelivery queue, and what is noted of it.
#[derive(Debug)]
pub(crate) struct GroupKeys {
    pub(crate) group: Arc<str>,
    /// The keys of the stream, as in [`StreamKeys`].
    pub(crate) stream: String,
    pub(crate) dead: String,
    pub(crate) delayed: String,
    /// The redelivery queue: positions, a sorted set by the time when they are due; 0 for now.
    pub(crate) queue: String,
    /// Positions that were handed out again, a sorted set by the time when their lease runs out.
    pub(crate) leased: String,
    /// The fields of each position.
    pub(crate) body: String,
    /// Deliveries and attempts of each position.
    pub(crate) counts: String,
    /// A stream whose entries wake a reader that waits for the main one.
    pub(crate) wake: String,
    /// Where the group begins, and its counters.
    pub(crate) info: String,
    /// Set for a minute after the group's removal.
    pub(crate) removed: String,
}

impl GroupKeys {
    pub(crate) fn all(&self) -> [&str; 6] {
        [&self.queue, &self.leased, &self.body, &self.counts, &self.wake, &self.info]
    }
}
