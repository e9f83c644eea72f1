//! The schemas of an AsyncAPI document.

use serde_json::{Map, Value, json};

use crate::event::{EventType, Field};

/// The schemas under `components/schemas`.
#[derive(Default)]
pub(super) struct Schemas {
    schemas: Map<String, Value>,
    /// The schemas that payloads bring along, as they were before their references were rewritten.
    #[cfg(feature = "schema")]
    shared: Map<String, Value>,
}

impl Schemas {
    pub(super) fn into_value(self) -> Value {
        self.schemas.into()
    }

    /// A reference to the schema of an event's payload, if anything is known of it. `key` has a capital letter at most in
    /// its last part.
    pub(super) fn payload(&mut self, key: &str, event: &EventType) -> Option<Value> {
        let name = format!("{key}-Payload");
        let schema = self.of_type(&name, event).or_else(|| of_fields(event))?;
        self.schemas.insert(name.clone(), schema);
        Some(json!({ "$ref": reference(&name) }))
    }

    #[cfg(not(feature = "schema"))]
    #[expect(clippy::unused_self, reason = "as with the feature `schema`")]
    fn of_type(&mut self, _name: &str, _event: &EventType) -> Option<Value> {
        None
    }

    /// The type's own schema. What it defines moves beside it, since references are read from the document's root.
    #[cfg(feature = "schema")]
    fn of_type(&mut self, name: &str, event: &EventType) -> Option<Value> {
        let mut schema = event.schema()?.to_draft_07();
        let mut definitions = Map::new();
        if let Value::Object(schema) = &mut schema {
            schema.remove("$schema");
            if let Some(Value::Object(found)) = schema.remove("definitions") {
                definitions = found;
            }
        }
        // Types that many events share are defined once; if any of these means something else elsewhere, or leads back to
        // this event, all get names of their own.
        let taken = |(name, definition): (&String, &Value)| {
            let shared = self.shared.get(&allowed(name));
            shared.is_some_and(|shared| shared != definition) || refers_to_root(definition)
        };
        let distinct: std::collections::BTreeSet<_> = definitions.keys().map(|name| allowed(name)).collect();
        let own = definitions.iter().any(taken) || distinct.len() < definitions.len();
        let names: Vec<_> = (1..)
            .zip(definitions.keys())
            .map(|(number, defined)| {
                let target = if own { format!("{name}-{number}-{}", allowed(defined)) } else { allowed(defined) };
                (defined.clone(), target)
            })
            .collect();
        let rewritten = |text: &str| {
            if text == "#" {
                return Some(reference(name));
            }
            let defined = unescaped(text.strip_prefix("#/definitions/")?);
            names.iter().find(|(from, _)| *from == defined).map(|(_, to)| reference(to))
        };
        for ((_, target), (_, definition)) in names.iter().zip(&definitions) {
            if !own {
                self.shared.insert(target.clone(), definition.clone());
            }
            let mut definition = definition.clone();
            rewrite(&mut definition, &rewritten);
            self.schemas.insert(target.clone(), definition);
        }
        rewrite(&mut schema, &rewritten);
        Some(schema)
    }
}

fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// What is known of a struct without a schema: its fields. Nothing of an enum, whose form in JSON is not known here, nor
/// of a tuple.
fn of_fields(event: &EventType) -> Option<Value> {
    let is_variant = |field: &Field| matches!(field.rust_type(), "" | "(..)" | "{ .. }");
    let is_number = |field: &Field| field.name().starts_with(|first: char| first.is_ascii_digit());
    if event.fields().is_empty() || event.fields().iter().any(|field| is_variant(field) || is_number(field)) {
        return None;
    }
    let mut properties = Map::new();
    for field in event.fields() {
        let mut property = json!({ "x-rust-type": field.rust_type() });
        if !field.docs().is_empty() {
            property["description"] = json!(field.docs());
        }
        properties.insert(field.name().to_owned(), property);
    }
    let comment = "The fields of the Rust type; serde may be told to write them otherwise.";
    Some(json!({ "type": "object", "$comment": comment, "properties": properties }))
}

/// A name as it stands in a reference: without the escapes of a URI, then without those of a JSON pointer.
#[cfg(feature = "schema")]
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let hex = if *byte == b'%' { after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()) } else { None };
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(escaped) => {
                bytes.push(escaped);
                rest = &after[2..];
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}

/// A name with the characters that a component's may have.
#[cfg(feature = "schema")]
fn allowed(name: &str) -> String {
    name.chars().map(|char| if char.is_ascii_alphanumeric() || "._-".contains(char) { char } else { '_' }).collect()
}

#[cfg(feature = "schema")]
fn refers_to_root(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.iter().any(|(key, value)| (key == "$ref" && value == "#") || refers_to_root(value))
        }
        Value::Array(items) => items.iter().any(refers_to_root),
        _ => false,
    }
}

/// Rewrites all references in a schema.
#[cfg(feature = "schema")]
fn rewrite(schema: &mut Value, rewritten: &impl Fn(&str) -> Option<String>) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == "$ref" => {
                        if let Some(to) = rewritten(text) {
                            *text = to;
                        }
                    }
                    _ => rewrite(value, rewritten),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, rewritten)),
        _ => {}
    }
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_the_pointers_that_they_are() {
        assert_eq!(unescaped("User"), "User");
        assert_eq!(unescaped("Was%3CUser%3E"), "Was<User>");
        assert_eq!(unescaped("a~1b~01%2"), "a/b~1%2");
    }

    #[test]
    fn a_way_back_to_the_root_is_found() {
        assert!(refers_to_root(&json!({ "items": [{ "anyOf": [{ "$ref": "#" }] }] })));
        assert!(!refers_to_root(&json!({ "$ref": "#/definitions/A", "title": "#" })));
    }
}
