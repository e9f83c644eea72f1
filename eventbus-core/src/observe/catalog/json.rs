//! The catalog as data.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{Catalog, CatalogEvent, CatalogGroup, CatalogListener};
use crate::{event::Field, listener::ListenerInfo, pattern::Pattern};

impl Serialize for Catalog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({ "events": self.events, "by_pattern": self.by_pattern, "groups": self.groups }).serialize(serializer)
    }
}

impl Serialize for CatalogEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = self.event_type();
        let fields: Vec<_> = kind.fields().iter().map(field).collect();
        let patterns: Vec<_> = self.patterns().iter().map(|pattern| pattern.as_str()).collect();
        let event = json!({
            "name": self.name().as_str(),
            "version": self.version(),
            "wire_type": self.wire_type(),
            "rust_type": kind.rust_type(),
            "docs": kind.docs(),
            "fields": fields,
            "location": self.location().to_string(),
            "has_codec": kind.has_codec(),
            "was_emitted": self.was_emitted(),
            "listeners": self.listeners().iter().map(listener).collect::<Vec<_>>(),
            "patterns": patterns,
        });
        #[cfg(feature = "schema")]
        let event = with_schema(event, kind.schema());
        event.serialize(serializer)
    }
}

#[cfg(feature = "schema")]
fn with_schema(mut event: Value, schema: Option<crate::event::Schema>) -> Value {
    event["schema"] = schema.map_or(Value::Null, crate::event::Schema::to_json);
    event
}

impl Serialize for CatalogListener {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut by_pattern = listener(&self.info);
        by_pattern["matches"] = json!(self.matches);
        by_pattern.serialize(serializer)
    }
}

impl Serialize for CatalogGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        group(self).serialize(serializer)
    }
}

/// A group; times are in milliseconds.
pub(super) fn group(group: &CatalogGroup) -> Value {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (first, longest) = group.retry_delays();
    let types: Vec<_> = group.handled_types().map(|event| event.wire_type().to_string()).collect();
    let patterns: Vec<_> = group.handled_patterns().iter().map(Pattern::as_str).collect();
    json!({
        "name": group.name(),
        "location": group.location().to_string(),
        "handled_types": types,
        "handled_patterns": patterns,
        "handles_rest": group.handles_rest(),
        "events": group.events(),
        "workers": group.workers(),
        "timeout_ms": group.timeout().map(millis),
        "retry": {
            "max_attempts": group.max_attempts(),
            "first_delay_ms": millis(first),
            "longest_delay_ms": millis(longest),
        },
    })
}

fn field(field: &Field) -> Value {
    json!({ "name": field.name(), "rust_type": field.rust_type(), "docs": field.docs() })
}

/// A listener; what it does not have is left out.
pub(crate) fn listener(info: &ListenerInfo) -> Value {
    let mut listener = Map::new();
    listener.insert("id".to_owned(), info.id().get().into());
    listener.insert("kind".to_owned(), info.kind().word().into());
    listener.insert("priority".to_owned(), info.priority().into());
    listener.insert("location".to_owned(), info.location().to_string().into());
    let pattern = info.pattern().map(Pattern::as_str);
    for (key, value) in [("name", info.name()), ("scope", info.scope()), ("pattern", pattern)] {
        if let Some(value) = value {
            listener.insert(key.to_owned(), value.into());
        }
    }
    for (key, value) in [("once", info.is_once()), ("filtered", info.is_filtered())] {
        if value {
            listener.insert(key.to_owned(), true.into());
        }
    }
    listener.into()
}
