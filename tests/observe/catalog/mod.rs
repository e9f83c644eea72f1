//! The catalog and its documents, and `explain`.

mod asyncapi;
mod explain;
mod groups;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use eventbus::{Bus, Event, catalog::AsyncApiInfo, listener::ListenerInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A user finished | signing up.
///
/// # Not a heading of the document
#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(serde, schema)]
struct UserCreated {
    /// Who.
    id: u64,
    /// Those who asked them in.
    invited_by: Vec<Person>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Person {
    friends: Vec<Person>,
}

#[derive(Event, Serialize, Deserialize, JsonSchema)]
#[event(name = "user.created", version = 2, serde, schema)]
struct UserCreated2 {
    again: Option<Box<UserCreated2>>,
}

mod other {
    use super::{Deserialize, Event, JsonSchema, Serialize};

    /// Has the name of another schema, and means something else.
    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(crate) struct Person {
        pub(crate) name: String,
    }

    #[derive(Event, Serialize, Deserialize, JsonSchema)]
    #[event(name = "order.placed", serde, schema)]
    pub(crate) struct OrderPlaced {
        pub(crate) by: Person,
    }
}

macro_rules! ring {
    ($module:ident, $name:literal) => {
        mod $module {
            use super::{Deserialize, Event, JsonSchema, Serialize};

            #[derive(Event, Serialize, Deserialize, JsonSchema)]
            #[event(name = $name, serde, schema)]
            pub(crate) struct Ring {
                next: Link,
            }

            #[derive(Serialize, Deserialize, JsonSchema)]
            struct Link {
                back: Vec<Ring>,
            }
        }
    };
}
ring!(first, "ring.first");
ring!(second, "ring.second");

/// Without a codec.
#[derive(Event)]
struct CacheFlushed {
    /// How many entries.
    #[expect(dead_code, reason = "only described")]
    entries: usize,
}

#[derive(Event)]
enum Door {
    #[expect(dead_code, reason = "only described")]
    Opened,
}

#[derive(Event)]
#[event(name = "cell.changed", shares_name)]
struct CellChanged<T: Send + Sync + 'static>(T);

fn names<'a>(listeners: impl IntoIterator<Item = &'a ListenerInfo>) -> Vec<&'a str> {
    listeners.into_iter().map(|listener| listener.name().unwrap_or("-")).collect()
}

/// A bus with something of everything.
fn wired() -> Bus {
    let bus = Bus::new();
    let users = bus.scope("users");
    users.listener::<UserCreated>().named("late").on_async(|_| async {});
    users.listener::<UserCreated>().named("second").once().filter(|e| e.id > 0).on(|_| {});
    bus.listener_pattern("user.*").unwrap().named("first").priority(5).on(|_| {});
    bus.listener_pattern("**").unwrap().named("all").on_async(|_| async {});
    bus.listener_pattern("nobody.*").unwrap().named("idle").on(|_| {});
    bus.on::<UserCreated2>(|_| {});
    bus.on::<other::OrderPlaced>(|_| {});
    bus.declare::<CacheFlushed>().unwrap();
    bus.emit(CellChanged(7_u8)).blocking();
    bus.declare::<CellChanged<String>>().unwrap();
    bus.declare::<Door>().unwrap();
    bus
}

#[test]
fn what_was_listened_to_emitted_or_declared_is_known_by_name_then_version() {
    let catalog = wired().catalog();
    let known: Vec<_> = catalog.events().iter().map(|event| (event.wire_type(), event.was_emitted())).collect();
    let known: Vec<_> = known.iter().map(|(name, emitted)| (name.as_str(), *emitted)).collect();
    let cell = if catalog.events()[1].event_type().rust_type().contains("u8") { [true, false] } else { [false, true] };
    assert_eq!(
        known,
        [
            ("cache.flushed", false),
            ("cell.changed", cell[0]),
            ("cell.changed", cell[1]),
            ("door", false),
            ("order.placed", false),
            ("user.created", false),
            ("user.created.v2", false),
        ]
    );
    let user = catalog.event("user.created").unwrap();
    assert_eq!((user.name().as_str(), user.version()), ("user.created", 1));
    assert_eq!(user.location().file(), file!());
    assert_eq!(user.event_type().fields()[0].docs(), "Who.");
    assert!(user.event_type().has_codec() && user.event_type().schema().is_some());
    assert!(catalog.event("user.created.v3").is_none());
}

#[test]
fn listeners_stand_in_the_order_in_which_they_run() {
    let bus = wired();
    let catalog = bus.catalog();
    let user = catalog.event("user.created").unwrap();
    assert_eq!(names(user.listeners()), ["first", "second", "late", "all"]);
    assert_eq!(names(bus.explain("user.created").unwrap().runs()), ["first", "second", "late", "all"]);
    let second = &user.listeners()[1];
    assert!(second.is_once() && second.is_filtered() && second.scope() == Some("users"));
    let patterns: Vec<_> = user.patterns().iter().map(ToString::to_string).collect();
    assert_eq!(patterns, ["user.*", "**"]);

    // And so they do run.
    let bus = Bus::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for (name, priority) in [("b", 0), ("a", 9), ("c", -1)] {
        let by_type = bus.listener::<UserCreated>().named(name).priority(priority).with(Arc::clone(&seen));
        by_type.on(move |seen, _| seen.lock().unwrap().push(name));
    }
    let late = bus.listener::<UserCreated>().named("d").priority(99).with(Arc::clone(&seen));
    late.on_async(|seen, _| async move { seen.lock().unwrap().push("d") });
    let by_name = bus.listener_pattern("user.*").unwrap().named("e").with(Arc::clone(&seen));
    by_name.on(|seen, _| seen.lock().unwrap().push("e"));
    bus.emit(UserCreated { id: 1, invited_by: Vec::new() }).blocking();
    assert_eq!(*seen.lock().unwrap(), names(bus.catalog().event("user.created").unwrap().listeners()));
}

#[test]
fn a_listener_by_name_tells_which_known_events_it_matches() {
    let catalog = wired().catalog();
    let matches: Vec<_> =
        catalog.by_pattern().iter().map(|listener| (listener.info().name().unwrap(), listener.matches())).collect();
    assert_eq!(matches[0], ("first", &["user.created".to_owned(), "user.created.v2".to_owned()][..]));
    assert_eq!((matches[1].0, matches[1].1.len()), ("all", 6));
    assert_eq!(matches[2], ("idle", &[][..]));
}

#[test]
fn a_catalog_is_a_copy_and_knows_what_is_off_cleared_or_spent_no_more() {
    let bus = wired();
    let before = bus.catalog();
    bus.emit(UserCreated { id: 1, invited_by: Vec::new() }).blocking();
    let catalog = bus.catalog();
    assert_eq!(
        names(catalog.event("user.created").unwrap().listeners()),
        ["first", "late", "all"],
        "`second` is spent"
    );
    assert!(catalog.event("user.created").unwrap().was_emitted());
    bus.clear();
    assert!(bus.catalog().by_pattern().is_empty());
    assert!(bus.catalog().event("user.created").unwrap().listeners().is_empty());
    assert_eq!(before.event("user.created").unwrap().listeners().len(), 4);
}

#[test]
fn names_that_no_type_claims_leave_nothing_in_the_catalog() {
    let bus = Bus::new();
    for n in 0..100 {
        bus.emit_name(&format!("outside.n{n}"), n).unwrap().blocking();
        bus.explain(&format!("outside.n{n}")).unwrap();
    }
    assert!(bus.catalog().events().is_empty());
}

#[test]
fn no_lock_is_held_while_a_schema_is_made() {
    static REENTERED: AtomicBool = AtomicBool::new(false);
    static BUS: Mutex<Option<Bus>> = Mutex::new(None);

    #[derive(Event, Serialize, Deserialize)]
    #[event(name = "schema.asked", serde, schema)]
    struct SchemaAsked;
    impl JsonSchema for SchemaAsked {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "SchemaAsked".into()
        }

        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            let bus = BUS.lock().unwrap().clone().unwrap();
            bus.on_pattern("**", |_| {}).unwrap();
            bus.on::<SchemaAsked>(|_| {}).off();
            bus.emit(SchemaAsked).blocking();
            REENTERED.store(true, Ordering::Relaxed);
            true.into()
        }
    }

    let bus = Bus::new();
    bus.declare::<SchemaAsked>().unwrap();
    *BUS.lock().unwrap() = Some(bus.clone());
    let catalog = bus.catalog();
    assert!(!REENTERED.load(Ordering::Relaxed), "a catalog alone asks for no schema");
    let document = catalog.to_asyncapi(&AsyncApiInfo::new("a", "1"));
    assert_eq!(document["components"]["schemas"]["schema.asked-Payload"]["title"], "SchemaAsked");
    assert!(REENTERED.load(Ordering::Relaxed));
}

#[test]
fn a_catalog_serialises() {
    let catalog = serde_json::to_value(wired().catalog()).unwrap();
    let user = &catalog["events"][5];
    assert_eq!(user["wire_type"], "user.created");
    assert_eq!(user["fields"][0], serde_json::json!({ "name": "id", "rust_type": "u64", "docs": "Who." }));
    assert_eq!(user["listeners"][1]["kind"], "sync");
    assert_eq!(user["listeners"][1]["once"], true);
    assert_eq!(user["listeners"][0]["pattern"], "user.*");
    assert!(user["schema"]["properties"]["id"].is_object());
    assert!(user["location"].as_str().unwrap().starts_with(file!()));
    assert_eq!(catalog["events"][0]["schema"], Value::Null);
    assert_eq!(catalog["by_pattern"][2]["name"], "idle");
}

#[test]
fn what_listeners_are_called_breaks_neither_document() {
    let bus = Bus::new();
    let scope = bus.scope("end\n\"]");
    scope.listener::<UserCreated>().named("a\"] --> |`b`\n# c").on(|_| {});
    let catalog = bus.catalog();
    let map = catalog.to_mermaid();
    assert_eq!(map.lines().count(), 6, "{map}");
    assert!(map.lines().filter(|line| line.contains('"')).all(|line| line.matches('"').count() == 2), "{map}");
    let markdown = catalog.to_markdown();
    assert!(markdown.contains("``a\"] --> \\|`b`\\n# c``"), "{markdown}");
    let headings: Vec<_> = markdown.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings, ["# Events", "## `user.created`"], "those of the doc comments are quoted");
}

#[test]
fn the_map_draws_an_arrow_for_each_pair_except_to_who_hears_everything() {
    let bus = Bus::new();
    for _ in 0..2 {
        bus.listener::<UserCreated>().named("twice").on(|_| {});
    }
    bus.listener_pattern("user.*").unwrap().named("some").on(|_| {});
    bus.listener_pattern("**").unwrap().named("all").on(|_| {});
    let expected = "flowchart LR
  e0([\"user.created\"])
  l0{{\"all<br/>**\"}}
  l1{{\"some<br/>user.*\"}}
  l2[\"twice\"]
  e0 -.-> l1
  e0 --> l2
";
    assert_eq!(bus.catalog().to_mermaid(), expected);
}
