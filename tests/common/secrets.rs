//! Payloads that hold a secret and do not decode, and the check that nobody prints it.

use std::{collections::BTreeMap, error::Error, fmt};

use eventbus::Event;
use serde::{Deserialize, Deserializer, Serialize, de};

/// In texts. Never in a name that the types below declare.
pub(crate) const SECRET: &str = "hunter2";

/// In numbers.
pub(crate) const SECRET_NUMBER: u64 = 4_242_424_242;

/// An event with all that serde derives, and some that it does not.
#[derive(Event, Serialize, Deserialize, Debug)]
#[event(name = "account.opened", serde)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountOpened {
    id: u64,
    owner: Owner,
    roles: Vec<Role>,
    limits: BTreeMap<String, u8>,
    by_number: BTreeMap<u8, bool>,
    address: Option<Address>,
    pair: (u8, bool),
    checked: Checked,
    quoting: Quoting,
    tagged: Tagged,
    either: Either,
    flat: Flat,
    letter: char,
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Owner {
    name: String,
    age: u8,
}

#[derive(Serialize, Deserialize, Debug)]
enum Role {
    Admin,
    Guest { days: u8 },
    Numbered(u8, u8),
    Wrapped(u8),
}

#[derive(Serialize, Deserialize, Debug)]
struct Address(String, u16);

#[derive(Serialize, Deserialize, Debug)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Tagged {
    Card { last: u16 },
    Cash,
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(untagged)]
enum Either {
    Number(u8),
    Switch(bool),
}

#[derive(Serialize, Deserialize, Debug)]
struct Flat {
    #[serde(flatten)]
    more: BTreeMap<String, u8>,
}

/// Its message has the value in it.
#[derive(Serialize, Debug)]
struct Checked(String);

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text == "fine" { Ok(Self(text)) } else { Err(de::Error::custom(format!("missing field `{text}`"))) }
    }
}

/// What it says that it expects has the value in it.
#[derive(Serialize, Debug)]
struct Quoting(String);

impl<'de> Deserialize<'de> for Quoting {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let expected = format!("not {text}");
        if text == "fine" {
            Ok(Self(text))
        } else {
            Err(de::Error::invalid_value(de::Unexpected::Str(&text), &&*expected))
        }
    }
}

/// A payload that decodes.
pub(crate) fn good() -> serde_json::Value {
    serde_json::json!({
        "id": 1,
        "owner": {"name": "Ada", "age": 36},
        "roles": ["Admin", {"Guest": {"days": 3}}, {"Numbered": [1, 2]}, {"Wrapped": 1}],
        "limits": {"daily": 7},
        "by_number": {"7": true},
        "address": ["Main St", 12],
        "pair": [1, true],
        "checked": "fine",
        "quoting": "fine",
        "tagged": {"kind": "card", "last": 4242},
        "either": 7,
        "flat": {"one": 1},
        "letter": "a",
    })
}

/// A payload for each position in which a value can be wrong, with the position as it may be printed.
pub(crate) fn payloads() -> Vec<(String, String)> {
    let mut payloads = Vec::new();
    let values = || {
        let text = format!("{SECRET}, expected `{SECRET}`");
        [
            serde_json::json!(SECRET),
            serde_json::json!(SECRET_NUMBER),
            serde_json::json!(text),
            serde_json::json!([[SECRET]]),
        ]
    };
    for pointer in [
        "/id",
        "/owner",
        "/owner/name",
        "/owner/age",
        "/roles",
        "/roles/0",
        "/roles/1",
        "/roles/1/Guest",
        "/roles/1/Guest/days",
        "/roles/2/Numbered",
        "/roles/2/Numbered/1",
        "/roles/3/Wrapped",
        "/limits",
        "/limits/daily",
        "/by_number",
        "/by_number/7",
        "/address",
        "/address/1",
        "/pair",
        "/pair/0",
        "/pair/1",
        "/checked",
        "/quoting",
        "/tagged",
        "/tagged/kind",
        "/tagged/last",
        "/either",
        "/flat",
        "/flat/one",
        "/letter",
        "",
    ] {
        for value in values() {
            let mut payload = good();
            *payload.pointer_mut(pointer).unwrap() = value;
            payloads.push((pointer.to_owned(), payload.to_string()));
        }
    }
    // Keys: unknown fields, keys that are too long or no names, keys that are no numbers, unknown variants.
    let long = SECRET.repeat(20);
    for (pointer, key) in [
        ("", SECRET),
        ("/owner", SECRET),
        ("/limits", &*long),
        ("/limits", "hunter2 is it"),
        ("/by_number", SECRET),
        ("/roles/1", SECRET),
        ("/flat", &*long),
        ("/tagged", SECRET),
    ] {
        let mut payload = good();
        payload.pointer_mut(pointer).unwrap().as_object_mut().unwrap().insert(key.to_owned(), SECRET.into());
        payloads.push((format!("{pointer}/(a key)"), payload.to_string()));
    }
    for role in [format!(r#"{{"{SECRET}": 1}}"#), format!(r#""{SECRET}""#)] {
        payloads.push(("/roles".into(), format!(r#"{{"roles": [{role}]}}"#)));
    }
    // Text that is no JSON, or ends too early.
    let good = good().to_string();
    payloads.push(("(end)".into(), format!("{good}{SECRET}")));
    payloads.push(("(middle)".into(), good.replace("\"Ada\"", SECRET)));
    payloads.push(("(short)".into(), format!(r#"{{"id": 1, "owner": {{"name": "{SECRET}"#)));
    payloads.push(("(twice)".into(), format!(r#"{{"id": 1, "id": {SECRET_NUMBER}}}"#)));
    payloads.into_iter().filter(|(_, payload)| serde_json::from_str::<AccountOpened>(payload).is_err()).collect()
}

/// Panics if an error or one of its sources prints the secret.
pub(crate) fn check(error: &(dyn Error + 'static), case: &str) {
    let mut next = Some(error);
    while let Some(error) = next {
        check_text(error, case);
        next = error.source();
    }
}

/// Panics if it prints the secret.
pub(crate) fn check_text(printed: &(impl fmt::Display + fmt::Debug + ?Sized), case: &str) {
    for text in [printed.to_string(), format!("{printed:?}"), format!("{printed:#?}")] {
        let shows = text.contains(SECRET) || text.contains(&SECRET_NUMBER.to_string());
        assert!(!shows && text.len() < 2048, "{case}: {text}");
    }
}
