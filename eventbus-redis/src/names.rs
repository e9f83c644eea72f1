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

/// The keys of a transport. All of them share one cluster slot.
#[derive(Debug)]
pub(crate) struct StreamKeys {
    /// The main stream, then the partitions.
    pub(crate) streams: Vec<String>,
    /// Delayed messages, a sorted set by the time when they are due.
    pub(crate) delayed: String,
    /// Dead letters, a stream.
    pub(crate) dead: String,
    /// What all transports over the stream must agree on.
    pub(crate) config: String,
}

impl StreamKeys {
    pub(crate) fn new(stream: &str, partitions: u16) -> Self {
        let partitions = (1..=partitions).map(|number| format!("{{{stream}}}:partition:{number}"));
        Self {
            streams: std::iter::once(stream.to_owned()).chain(partitions).collect(),
            delayed: format!("{{{stream}}}:delayed"),
            dead: format!("{{{stream}}}:dead"),
            config: format!("{{{stream}}}:config"),
        }
    }

    /// The stream for messages with this key: 0 is the main one.
    pub(crate) fn stream_of(&self, key: Option<&str>) -> usize {
        let partitions = self.streams.len() - 1;
        match key {
            Some(key) if partitions > 0 => {
                // The remainder is less than the number of partitions.
                usize::try_from(hash(key) % partitions as u64).unwrap_or(0) + 1
            }
            _ => 0,
        }
    }

    /// The keys of a group, for each of the streams.
    pub(crate) fn group(&self, name: &Arc<str>) -> Vec<GroupKeys> {
        (0..self.streams.len()).map(|stream| self.group_of(name, stream)).collect()
    }

    fn group_of(&self, name: &Arc<str>, stream: usize) -> GroupKeys {
        let main = &self.streams[0];
        let of_group = |part: &str| format!("{{{main}}}:group:{name}:{part}");
        let key = |part: &str| match stream {
            0 => of_group(part),
            number => of_group(&format!("{number}:{part}")),
        };
        GroupKeys {
            group: Arc::clone(name),
            stream: self.streams[stream].clone(),
            dead: self.dead.clone(),
            delayed: self.delayed.clone(),
            queue: key("queue"),
            leased: key("leased"),
            body: key("body"),
            counts: key("counts"),
            wake: key("wake"),
            info: key("info"),
            removed: of_group("removed"),
            members: of_group("members"),
            owners: of_group("owners"),
        }
    }
}

/// FNV-1a, which is the same in every version and on every machine.
fn hash(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The keys of a group on one of the streams: its redelivery queue, and what is noted of it.
#[derive(Debug)]
pub(crate) struct GroupKeys {
    pub(crate) group: Arc<str>,
    /// The stream itself.
    pub(crate) stream: String,
    /// As in [`StreamKeys`].
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
    /// A stream whose entries wake a reader that waits for the other one.
    pub(crate) wake: String,
    /// Where the group begins, and its counters.
    pub(crate) info: String,
    /// Of the group as a whole: set for a minute after its removal.
    pub(crate) removed: String,
    /// Of the group as a whole: its consumers, a sorted set by the time when they count as dead.
    pub(crate) members: String,
    /// Of the group as a whole: which consumer owns which partition.
    pub(crate) owners: String,
}

impl GroupKeys {
    /// All that goes with the group.
    pub(crate) fn all(&self) -> [&str; 8] {
        let own = [&*self.queue, &self.leased, &self.body, &self.counts, &self.wake, &self.info];
        let [queue, leased, body, counts, wake, info] = own;
        [queue, leased, body, counts, wake, info, &self.members, &self.owners]
    }
}
