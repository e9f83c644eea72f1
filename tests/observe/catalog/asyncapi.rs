//! The catalog as an AsyncAPI document.

use std::time::Duration;

use boon::{Compiler, Schemas};
use eventbus::{Bus, Delivery, Retry, catalog::AsyncApiInfo};
use serde_json::{Value, json};

use super::{UserCreated, first, second, wired};

/// The schema that AsyncAPI has published for its documents; `asyncapi/README.md` says where.
const PUBLISHED: &str = include_str!("asyncapi/3.1.0.json");

/// What the published schema has against a document.
fn fault(document: &Value) -> Option<String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("asyncapi.json", serde_json::from_str(PUBLISHED).unwrap()).unwrap();
    let schema = compiler.compile("asyncapi.json", &mut schemas).unwrap();
    schemas.validate(document, schema).err().map(|error| format!("{error:#}"))
}

/// Checks the document against the published schema, and what that cannot say: that every reference leads somewhere.
fn check_asyncapi(document: &Value) {
    assert_eq!(fault(document), None, "{document:#}");
    for operation in document["operations"].as_object().unwrap().values() {
        let channel = operation["channel"]["$ref"].as_str().unwrap();
        for message in operation["messages"].as_array().unwrap() {
            let message = message["$ref"].as_str().unwrap();
            assert!(message.starts_with(&format!("{channel}/messages/")), "{message} is not of {channel}");
        }
    }
    check_references(document, document);
}

/// A fragment without its percent signs.
fn decoded(fragment: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), fragment.as_bytes());
    while let [first, after @ ..] = rest {
        let is_encoded = *first == b'%';
        bytes.push(if is_encoded {
            u8::from_str_radix(str::from_utf8(&after[..2]).unwrap(), 16).unwrap()
        } else {
            *first
        });
        rest = if is_encoded { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

fn check_references(document: &Value, part: &Value) {
    match part {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(to) if name == "$ref" => {
                        let to = to.strip_prefix('#').unwrap_or_else(|| panic!("{to} leads out of the document"));
                        assert!(document.pointer(&decoded(to)).is_some(), "{to} leads nowhere");
                        assert!(!to.is_empty(), "the document is no schema");
                    }
                    value => check_references(document, value),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| check_references(document, item)),
        _ => {}
    }
}

#[test]
fn the_asyncapi_document_is_whole() {
    let info = AsyncApiInfo::new("Everything", "0.1.0").description("For a test.");
    let document = wired().catalog().to_asyncapi(&info);
    check_asyncapi(&document);
    assert_eq!(document["info"]["description"], "For a test.");
    let messages = document["channels"]["user.created"]["messages"].as_object().unwrap();
    assert_eq!(messages.keys().collect::<Vec<_>>(), ["user.created", "user.created.v2"]);
    let message = &document["components"]["messages"]["user.created"];
    assert_eq!(
        (&message["title"], &message["summary"]),
        (&"UserCreated".into(), &"A user finished | signing up.".into())
    );
    let operations = document["operations"].as_object().unwrap();
    assert!(operations.contains_key("send.cell.changed") && !operations.contains_key("send.user.created"));
}

#[test]
fn schemas_of_one_name_and_two_meanings_stay_apart_and_recursive_ones_find_themselves() {
    let bus = wired();
    bus.declare::<first::Ring>().unwrap();
    bus.declare::<second::Ring>().unwrap();
    let document = bus.catalog().to_asyncapi(&AsyncApiInfo::new("a", "1"));
    check_asyncapi(&document);
    let resolve = |schema: &Value| document.pointer(&schema["$ref"].as_str().unwrap()[1..]).unwrap().clone();
    let schemas = &document["components"]["schemas"];
    let placed_by = resolve(&schemas["order.placed-Payload"]["properties"]["by"]);
    assert!(placed_by["properties"]["name"].is_object(), "{placed_by}");
    let invited = resolve(&schemas["user.created-Payload"]["properties"]["invited_by"]["items"]);
    let friend = resolve(&invited["properties"]["friends"]["items"]);
    assert_eq!(invited, friend);
    // Two events, each with a type that leads back to it.
    let leads_back = |event: &str| {
        let next = resolve(&schemas[format!("{event}-Payload")]["properties"]["next"]);
        assert_eq!(resolve(&next["properties"]["back"]["items"]), schemas[format!("{event}-Payload")], "{event}");
    };
    leads_back("ring.first");
    leads_back("ring.second");
    let again = &schemas["user.created.v2-Payload"]["properties"]["again"]["anyOf"][0];
    assert_eq!(resolve(again), schemas["user.created.v2-Payload"]);
}

#[test]
fn a_struct_without_a_schema_is_described_by_its_fields_and_an_enum_is_not() {
    let document = wired().catalog().to_asyncapi(&AsyncApiInfo::new("a", "1"));
    let entries = &document["components"]["schemas"]["cache.flushed-Payload"]["properties"]["entries"];
    assert_eq!((&entries["description"], &entries["x-rust-type"]), (&"How many entries.".into(), &"usize".into()));
    assert!(document["components"]["messages"]["door"]["payload"].is_null());
    assert!(document["components"]["messages"]["cell.changed-T2"]["payload"].is_null());
}

/// A bus with groups: one by type, one that is given everything, under a name that is no word.
async fn with_groups() -> Bus {
    let bus = wired();
    let mailer = bus.consumer("mailer").handle::<UserCreated>(|_, _: Delivery| async {});
    let retry = Retry::exponential(Duration::from_millis(100)).cap(Duration::from_secs(9)).max_attempts(7);
    mailer.workers(3).timeout(Duration::from_secs(2)).retry(retry).start().await.unwrap();
    let rest = bus.consumer("every/day~100%").handle_rest(|_, _: Delivery| async {});
    rest.retry(Retry::never()).start().await.unwrap();
    bus
}

#[tokio::test]
async fn groups_their_retries_and_their_dead_letters_are_in_the_document() {
    let document = with_groups().await.catalog().to_asyncapi(&AsyncApiInfo::new("Groups", "1"));
    check_asyncapi(&document);
    let operation = &document["operations"]["receive.user.created:mailer"];
    assert_eq!(operation["action"], "receive");
    assert_eq!(operation["messages"].as_array().unwrap().len(), 1, "not of version 2");
    let group = &operation["x-consumer-group"];
    let retry = json!({ "max_attempts": 7, "first_delay_ms": 100, "longest_delay_ms": 9000 });
    assert_eq!((&group["retry"], &group["workers"], &group["timeout_ms"]), (&retry, &json!(3), &json!(2000)));
    assert_eq!(document["x-consumer-groups"][1], *group);

    let letters = &document["channels"]["dead-letters:mailer"];
    assert_eq!((&letters["address"], &letters["x-dead-letters-of"]), (&Value::Null, &"mailer".into()));
    assert!(letters["description"].as_str().unwrap().contains("after 7 attempts"), "{letters}");
    assert_eq!(document["operations"]["send.dead-letters:mailer"]["action"], "send");
    let all = document["channels"]["dead-letters:every/day~100%"]["messages"].as_object().unwrap();
    assert_eq!(all.len(), document["components"]["messages"].as_object().unwrap().len());
}

#[test]
fn the_published_schema_finds_what_is_wrong() {
    let right = wired().catalog().to_asyncapi(&AsyncApiInfo::new("a", "1"));
    let faults: [(&str, Value); 4] = [
        ("/asyncapi", "3.0.0".into()),
        ("/info", json!({ "title": "a" })),
        ("/operations/receive.user.created/action", "listen".into()),
        ("/channels/user.created/address", 7.into()),
    ];
    for (place, wrong) in faults {
        let mut document = right.clone();
        *document.pointer_mut(place).unwrap() = wrong;
        assert!(fault(&document).is_some(), "{place}");
    }
}
