//! What failed assertions print of what was recorded.

use std::{any::TypeId, collections::HashMap, fmt};

use super::record::Record;
use crate::{
    event::{DebugFn, EventType, text_of},
    listener::Excerpt,
};

/// How many bytes of an event's `Debug` are printed.
const MAX_DEBUG: usize = 512;

/// How many lines are printed.
const MAX_LINES: usize = 60;

/// The printers that a test has given for types whose `Debug` the derive has not found.
pub(super) type Printers = HashMap<TypeId, DebugFn>;

/// Prints records, a line each, with the `Debug` of events that have one. Lines that are the same and follow each other are one.
pub(super) struct ListedRecords<'a> {
    pub(super) records: &'a [Record],
    pub(super) printers: &'a Printers,
}

impl fmt::Display for ListedRecords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.records.is_empty() {
            return f.write_str("nothing was recorded");
        }
        f.write_str("recorded, in order:")?;
        let mut lines: Vec<(String, usize)> = Vec::new();
        for (at, record) in self.records.iter().enumerate() {
            let line = line(record, self.printers);
            let shown = lines.len();
            match lines.last_mut() {
                Some((last, count)) if *last == line => *count += 1,
                _ if shown == MAX_LINES => {
                    lines.push((format!(".. and {} more", self.records.len() - at), 1));
                    break;
                }
                _ => lines.push((line, 1)),
            }
        }
        for (line, count) in lines {
            write!(f, "\n  {line}")?;
            if count > 1 {
                write!(f, " ({count} times)")?;
            }
        }
        Ok(())
    }
}

fn line(record: &Record, printers: &Printers) -> String {
    let (verb, note) = record.words();
    let name = record.wire_type().to_string();
    let event = record.event().event_type().and_then(|event| printer(event, printers)).map(|print| {
        let printed = Printed { record, print };
        format!(" {}", text_of(&printed, MAX_DEBUG))
    });
    format!("{verb} {}{}{note}", Excerpt(&name), event.unwrap_or_default())
}

fn printer(event: &'static EventType, printers: &Printers) -> Option<DebugFn> {
    printers.get(&event.id()).copied().or_else(|| event.debug())
}

/// An event by its own `Debug`.
struct Printed<'a> {
    record: &'a Record,
    print: DebugFn,
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record.event().typed() {
            Some(event) => (self.print)(&**event, f),
            None => Ok(()),
        }
    }
}
