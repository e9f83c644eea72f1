//! The wire format: messages as fields of stream entries, and entry ids.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use eventbus_core::{Message, WriteError};
use redis::{Cmd, Value};

use crate::reply::{into_bytes, into_list};

/// The most fields of an entry that is read.
const MAX_FIELDS: usize = 64;

/// The field with the event as JSON.
const DATA: &str = "data";

/// When a delayed message may be handed out, in milliseconds since 1970.
const NOT_BEFORE: &str = "notbefore";

/// Why an entry could not be read: only in entries of a group's redelivery queue and of dead letters.
const MALFORMED: &str = "malformed";

/// The last millisecond that RFC 3339 can write. Ids of entries can be later.
const YEAR_9999: u64 = 253_402_300_799_999;

/// The id of a stream's entry: milliseconds, and a number within them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub(crate) struct EntryId {
    millis: u64,
    number: u64,
}

impl EntryId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (millis, number) = text.split_once('-')?;
        Some(Self { millis: millis.parse().ok()?, number: number.parse().ok()? })
    }

    /// The last id before a time.
    pub(crate) fn before(time: SystemTime) -> Self {
        match millis(time) {
            0 => Self::default(),
            millis => Self { millis: millis - 1, number: u64::MAX },
        }
    }

    /// A text that sorts as the ids do: the position in a redelivery queue.
    pub(crate) fn position(self) -> String {
        format!("{:016x}-{:016x}", self.millis, self.number)
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.millis, self.number)
    }
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The first whole millisecond that is not before a time.
pub(crate) fn millis_up(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The time so many milliseconds after 1970; those that do not fit are 1970.
pub(crate) fn time(millis: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(UNIX_EPOCH)
}

/// How many arguments and bytes the fields of most messages take, besides their data.
const FIELDS: (usize, usize) = (24, 320);

/// A command with room for its own arguments and the fields of a message.
pub(crate) fn command(name: &str) -> Cmd {
    let mut command = Cmd::with_capacity(FIELDS.0, FIELDS.1);
    command.arg(name);
    command
}

/// Adds the fields of a message to a command; the size of its data.
pub(crate) fn write(message: &Message, command: &mut Cmd) -> Result<usize, WriteError> {
    let data = message.data()?;
    if let Some(reason) = message.malformed_reason() {
        command.arg(MALFORMED).arg(reason).arg(DATA).arg(&*data);
        return Ok(data.len());
    }
    message.each_attribute(|name, value| _ = command.arg(name).arg(value));
    if let Some(at) = message.not_before() {
        command.arg(NOT_BEFORE).arg(millis_up(at));
    }
    command.arg(DATA).arg(&*data);
    Ok(data.len())
}

/// Takes the fields of an entry apart.
pub(crate) fn fields_of(value: Value) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut list = into_list(value).into_iter();
    let mut fields = Vec::with_capacity(list.len() / 2);
    while let (Some(name), Some(value)) = (list.next(), list.next()) {
        fields.push((into_bytes(name).unwrap_or_default(), into_bytes(value).unwrap_or_default()));
    }
    fields
}

/// Reads an entry. What is no message is malformed, with the reason (T14).
pub(crate) fn read(stream: &str, id: Option<EntryId>, fields: &[(Vec<u8>, Vec<u8>)]) -> Message {
    if fields.len() > MAX_FIELDS {
        let reason = format!("the entry has {} fields, and {MAX_FIELDS} are read", fields.len());
        return Message::malformed(&reason, &raw(fields));
    }
    match try_read(stream, id, fields) {
        Ok(message) => message,
        Err(reason) => Message::malformed(&reason, &raw(fields)),
    }
}

fn try_read(stream: &str, id: Option<EntryId>, fields: &[(Vec<u8>, Vec<u8>)]) -> Result<Message, String> {
    let find = |wanted: &str| fields.iter().find(|(name, _)| name == wanted.as_bytes()).map(|(_, value)| value);
    if let Some(reason) = find(MALFORMED).filter(|_| find("type").is_none()) {
        return Err(String::from_utf8_lossy(reason).into_owned());
    }
    let mut attributes = Vec::with_capacity(fields.len() + 2);
    // Entries of other programs have no id, and must have the same one whenever they are read.
    let own = id.filter(|_| find("id").is_none() || find("time").is_none()).map(|id| {
        (format!("{stream}/{id}"), humantime::format_rfc3339_millis(time(id.millis.min(YEAR_9999))).to_string())
    });
    if let Some((id, time)) = &own {
        attributes.extend([("id", &**id), ("time", &**time)]);
    }
    let mut not_before = None;
    for (name, value) in fields.iter().filter(|(name, _)| name != DATA.as_bytes()) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        match (name, std::str::from_utf8(value)) {
            (NOT_BEFORE, Ok(at)) => not_before = at.parse().ok().map(time),
            (name, Ok(value)) => attributes.push((name, value)),
            ("id" | "source" | "type" | "time" | "partitionkey" | "correlationid" | "causationid" | "hops", Err(_)) => {
                return Err(format!("the message's `{name}` is not UTF-8"));
            }
            _ => {}
        }
    }
    let data = find(DATA).ok_or("the message has no `data`")?;
    let message = Message::from_attributes(attributes, &**data).map_err(|error| error.to_string())?;
    Ok(match not_before {
        Some(at) => message.with_not_before(at),
        None => message,
    })
}

/// What an operator sees of an entry that cannot be read: its data, or all of its fields.
fn raw(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    if let Some((_, data)) = fields.iter().find(|(name, _)| name == DATA.as_bytes()) {
        return data.clone();
    }
    let mut raw = Vec::new();
    for (name, value) in fields {
        if raw.len() > Message::MAX_DATA {
            break;
        }
        raw.extend([name, &b"="[..], value, b"\n"].concat());
    }
    raw
}
