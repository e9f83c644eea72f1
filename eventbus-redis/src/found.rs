//! Entries that the server has handed out, as its answers hold them.

use redis::Value;

use crate::{
    entry::{EntryId, fields_of},
    reply::{count, into_bytes, into_list, into_pairs, into_text},
};

pub(crate) struct Found {
    pub(crate) id: EntryId,
    pub(crate) deliveries: u32,
    pub(crate) fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Found {
    /// Of an answer to `XREADGROUP`: an id, and fields.
    pub(crate) fn new(value: Value) -> Option<Self> {
        let mut parts = into_list(value).into_iter();
        let id = EntryId::parse(&into_text(parts.next()?)?)?;
        Some(Self { id, deliveries: 1, fields: fields_of(parts.next()?) })
    }

    /// Of an answer of a script: an id, deliveries, and fields.
    pub(crate) fn of_script(value: Value) -> Option<Self> {
        let mut parts = into_list(value).into_iter();
        let id = EntryId::parse(&into_text(parts.next()?)?)?;
        let deliveries = count_of(&parts.next()?);
        Some(Self { id, deliveries, fields: fields_of(parts.next()?) })
    }
}

/// An entry that wakes a reader.
pub(crate) struct Wake {
    pub(crate) id: String,
    /// Partitions are to be shared anew: how many readers are to look yet, this one included.
    pub(crate) hops: Option<u64>,
}

pub(crate) fn wake_of(value: Value) -> Option<Wake> {
    let mut parts = into_list(value).into_iter();
    let id = into_text(parts.next()?)?;
    let fields = fields_of(parts.next().unwrap_or(Value::Nil));
    let own = fields.into_iter().find(|(name, _)| name == b"own");
    let hops = own.and_then(|(_, value)| String::from_utf8(value).ok()?.parse().ok());
    Some(Wake { id, hops })
}

pub(crate) fn count_of(value: &Value) -> u32 {
    count(value).map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
}

/// The streams of an answer to `XREADGROUP`: a map, or a list of pairs.
pub(crate) fn into_streams(answer: Value) -> Vec<(Vec<u8>, Value)> {
    let pairs = match answer {
        Value::Map(_) => into_pairs(answer),
        other => into_list(other).into_iter().flat_map(into_pairs).collect(),
    };
    let with_key = |(key, entries)| Some((into_bytes(key)?, entries));
    pairs.into_iter().filter_map(with_key).collect()
}
