//! The catalog as an AsyncAPI document.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Catalog, CatalogEvent, CatalogGroup,
    json::{group, listener},
    schemas::Schemas,
};
use crate::event::EventName;

/// What an [AsyncAPI](https://www.asyncapi.com) document says of itself; see [`Catalog::to_asyncapi`].
#[derive(Clone, Debug)]
pub struct AsyncApiInfo {
    title: String,
    version: String,
    description: Option<String>,
}

impl AsyncApiInfo {
    /// The name of the program, and the version of what it offers.
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Self {
        Self { title: title.into(), version: version.into(), description: None }
    }

    /// More about it, in Markdown.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

impl Catalog {
    /// The catalog as an AsyncAPI 3.1.0 document.
    ///
    /// Each name is a channel, each of its versions a message. The program receives what is listened to, and sends what has
    /// been emitted so far: the operations `receive.<name>` and `send.<name>`. A payload's schema is that of
    /// `#[event(schema)]`; of a type without one, a struct's fields are listed, without their types.
    ///
    /// What a consumer group is given it receives by the operation `receive.<name>:<group>`, and what it cannot handle it sends to a
    /// channel of its own, `dead-letters:<group>`, which has no address: only the transport knows where it keeps them. What AsyncAPI
    /// has no word for (listeners, groups with their retry policies, Rust types) stands in members that start with `x-`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{AsyncApiInfo, Bus, Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// let bus = Bus::new();
    /// bus.on::<UserCreated>(|_| {});
    ///
    /// let document = bus.catalog().to_asyncapi(&AsyncApiInfo::new("Users", "1.0.0"));
    /// assert_eq!(document["asyncapi"], "3.1.0");
    /// assert_eq!(document["channels"]["user.created"]["address"], "user.created");
    /// assert_eq!(document["operations"]["receive.user.created"]["action"], "receive");
    /// ```
    pub fn to_asyncapi(&self, info: &AsyncApiInfo) -> Value {
        let mut document = Document::default();
        let mut names: BTreeMap<EventName, Vec<(String, &CatalogEvent)>> = BTreeMap::new();
        for event in &self.events {
            let key = document.message(event);
            names.entry(event.name()).or_default().push((key, event));
        }
        for (name, events) in &names {
            document.channel(*name, events);
            for group in &self.groups {
                document.given(*name, events, group);
            }
        }
        for group in &self.groups {
            let messages = names.values().flatten().filter(|(_, event)| group.events().contains(&event.wire_type()));
            document.dead_letters(group, messages.map(|(key, _)| &**key));
        }
        let mut about = json!({ "title": info.title, "version": info.version });
        if let Some(description) = &info.description {
            about["description"] = json!(description);
        }
        json!({
            "asyncapi": "3.1.0",
            "info": about,
            "defaultContentType": "application/json",
            "channels": document.channels,
            "operations": document.operations,
            "components": { "messages": document.messages, "schemas": document.schemas.into_value() },
            "x-consumer-groups": self.groups,
            "x-listeners-by-pattern": self.by_pattern,
        })
    }
}

#[derive(Default)]
struct Document {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Schemas,
}

impl Document {
    /// Adds the message of an event. Returns its key: the wire type, and a number where several types share that.
    fn message(&mut self, event: &CatalogEvent) -> String {
        let wire_type = event.wire_type();
        let mut key = wire_type.clone();
        let mut types = 1;
        while self.messages.contains_key(&key) {
            types += 1;
            // No name has a capital letter.
            key = format!("{wire_type}-T{types}");
        }
        let kind = event.event_type();
        let mut message = json!({
            "name": wire_type,
            "title": title(kind.rust_type()),
            "x-rust-type": kind.rust_type(),
            "x-event-version": event.version(),
            "x-json": kind.has_codec(),
        });
        let (summary, description) = docs(kind.docs());
        for (member, text) in [("summary", summary), ("description", description.to_owned())] {
            if !text.is_empty() {
                message[member] = json!(text);
            }
        }
        if let Some(payload) = self.schemas.payload(&key, kind) {
            message["payload"] = payload;
        }
        self.messages.insert(key.clone(), message);
        key
    }

    fn channel(&mut self, name: EventName, events: &[(String, &CatalogEvent)]) {
        let messages = messages(events.iter().map(|(key, _)| &**key));
        self.channels.insert(name.to_string(), json!({ "address": name.as_str(), "messages": messages }));
        self.operation("receive", name, events, |event| !event.listeners().is_empty());
        self.operation("send", name, events, CatalogEvent::was_emitted);
    }

    /// Adds an operation on a channel, if any of its messages takes part in it.
    fn operation(
        &mut self,
        action: &str,
        name: EventName,
        events: &[(String, &CatalogEvent)],
        takes_part: impl Fn(&CatalogEvent) -> bool,
    ) {
        let events: Vec<_> = events.iter().filter(|(_, event)| takes_part(event)).collect();
        if events.is_empty() {
            return;
        }
        let mut operation = operation(action, name.as_str(), events.iter().map(|(key, _)| &**key));
        if action == "receive" {
            let of = |(key, event): &&(String, &CatalogEvent)| {
                (key.clone(), event.listeners().iter().map(listener).collect::<Vec<_>>().into())
            };
            operation["x-listeners"] = Value::Object(events.iter().map(of).collect());
        }
        self.operations.insert(format!("{action}.{name}"), operation);
    }

    /// Adds what a group receives of a channel, if anything.
    fn given(&mut self, name: EventName, events: &[(String, &CatalogEvent)], to: &CatalogGroup) {
        let mut given = events.iter().filter(|(_, event)| to.events().contains(&event.wire_type())).peekable();
        if given.peek().is_none() {
            return;
        }
        let mut operation = operation("receive", name.as_str(), given.map(|(key, _)| &**key));
        operation["x-consumer-group"] = group(to);
        self.operations.insert(format!("receive.{name}:{}", to.name()), operation);
    }

    /// Adds the channel to which a group sends what it cannot handle.
    fn dead_letters<'a>(&mut self, of: &CatalogGroup, keys: impl Iterator<Item = &'a str> + Clone) {
        // No name has a colon.
        let channel = format!("dead-letters:{}", of.name());
        let attempts = match of.max_attempts() {
            1 => "after one attempt".to_owned(),
            attempts => format!("after {attempts} attempts, or where another one cannot help"),
        };
        let mut operation = operation("send", &channel, keys.clone());
        operation["x-consumer-group"] = of.name().into();
        self.operations.insert(format!("send.{channel}"), operation);
        let about = json!({
            "address": null,
            "title": format!("Dead letters of `{}`", of.name()),
            "description": format!("What the group has not been able to handle, {attempts}."),
            "messages": messages(keys),
            "x-dead-letters-of": of.name(),
        });
        self.channels.insert(channel, about);
    }
}

/// References to messages, by their keys.
fn messages<'a>(keys: impl Iterator<Item = &'a str>) -> Map<String, Value> {
    keys.map(|key| (key.to_owned(), json!({ "$ref": format!("#/components/messages/{key}") }))).collect()
}

/// An operation on a channel, with some of its messages.
fn operation<'a>(action: &str, channel: &str, keys: impl Iterator<Item = &'a str>) -> Value {
    let channel = format!("#/channels/{}", pointed(channel));
    let messages: Vec<_> = keys.map(|key| json!({ "$ref": format!("{channel}/messages/{key}") })).collect();
    json!({ "action": action, "channel": { "$ref": channel }, "messages": messages })
}

/// A key as a part of a JSON pointer in a URI fragment. The name of a group is any visible ASCII.
fn pointed(key: &str) -> String {
    let part = |byte: u8| match byte {
        b'~' => "~0".to_owned(),
        b'/' => "~1".to_owned(),
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b':' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    key.bytes().map(part).collect()
}

/// The last part of a Rust type's path, type parameters aside.
fn title(rust_type: &str) -> &str {
    let path = &rust_type[..rust_type.find('<').unwrap_or(rust_type.len())];
    path.rsplit_once("::").map_or(rust_type, |(module, _)| &rust_type[module.len() + 2..])
}

/// The first paragraph of a doc comment, and the rest.
fn docs(docs: &str) -> (String, &str) {
    let (summary, rest) = docs.split_once("\n\n").unwrap_or((docs, ""));
    (summary.lines().map(str::trim).collect::<Vec<_>>().join(" "), rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_finds_the_channel_of_any_group() {
        assert_eq!(pointed("dead-letters:mailer.v2"), "dead-letters:mailer.v2");
        assert_eq!(pointed("a/b~c"), "a~1b~0c");
        assert_eq!(pointed("100%"), "100%25");
    }

    #[test]
    fn a_title_is_the_type_without_its_path() {
        assert_eq!(title("app::user::Created"), "Created");
        assert_eq!(title("app::Changed<app::user::User>"), "Changed<app::user::User>");
        assert_eq!(title("Created"), "Created");
    }
}
