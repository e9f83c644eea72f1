//! What `#[derive(Event)]` makes of a type: names, versions, descriptions, and that it asks for nothing else.

#![allow(dead_code, reason = "the events are described, not emitted")]

use std::{
    collections::HashMap,
    fmt::Display,
    sync::{Arc, Mutex},
};

use eventbus::{
    Event,
    event::{Field, IntoEvent},
};

/// Names, types and docs of the fields or variants.
fn described<E: Event>() -> Vec<(&'static str, &'static str, &'static str)> {
    E::FIELDS.iter().map(|field: &Field| (field.name(), field.rust_type(), field.docs())).collect()
}

#[test]
fn names_come_from_the_words_of_the_type_or_are_written() {
    #[derive(Event)]
    struct UserCreated;
    #[derive(Event)]
    #[event(name = "user.login_attempt")]
    struct LoginAttempt;
    #[derive(Event)]
    #[event(name = "user.password_reset")]
    struct PasswordReset;
    #[derive(Event)]
    #[event(name = "post.featured_image.uploaded")]
    struct FeaturedImageUploaded;
    #[derive(Event)]
    #[event(name = "analytics.page_view")]
    struct PageView;
    #[derive(Event)]
    struct SystemStartup;
    #[derive(Event)]
    struct AuditLog;
    #[derive(Event)]
    struct CacheInvalidated;
    #[derive(Event)]
    struct OrderCompleted;
    #[derive(Event)]
    struct PaymentProcessed;

    assert_eq!(UserCreated::NAME, "user.created");
    assert_eq!(LoginAttempt::NAME, "user.login_attempt");
    assert_eq!(PasswordReset::NAME, "user.password_reset");
    assert_eq!(FeaturedImageUploaded::NAME, "post.featured_image.uploaded");
    assert_eq!(PageView::NAME, "analytics.page_view");
    assert_eq!(SystemStartup::NAME, "system.startup");
    assert_eq!(AuditLog::NAME, "audit.log");
    assert_eq!(CacheInvalidated::NAME, "cache.invalidated");
    assert_eq!(OrderCompleted::NAME, "order.completed");
    assert_eq!(PaymentProcessed::NAME, "payment.processed");
}

#[test]
fn acronyms_digits_and_raw_identifiers_are_words() {
    #[derive(Event)]
    struct OrderItemAdded;
    #[derive(Event)]
    struct HTTPRequestReceived;
    #[derive(Event)]
    struct Http2StreamOpened;
    #[derive(Event)]
    struct Startup;
    #[derive(Event)]
    #[allow(non_camel_case_types, reason = "a raw identifier is to be tested")]
    struct r#try;

    assert_eq!(OrderItemAdded::NAME, "order_item.added");
    assert_eq!(HTTPRequestReceived::NAME, "http_request.received");
    assert_eq!(Http2StreamOpened::NAME, "http2_stream.opened");
    assert_eq!(Startup::NAME, "startup");
    assert_eq!(r#try::NAME, "try");
}

#[test]
fn the_version_is_1_unless_written() {
    #[derive(Event)]
    struct UserCreated;
    #[derive(Event)]
    #[event(name = "user.created")]
    #[event(version = 2)]
    struct UserCreatedV2;
    #[derive(Event)]
    #[event(version = 0x10_u32)]
    struct UserDeleted;

    assert_eq!(UserCreated::VERSION, 1);
    assert_eq!(UserCreatedV2::VERSION, 2);
    assert_eq!(UserCreatedV2::TYPE.wire_type().to_string(), "user.created.v2");
    assert_eq!(UserDeleted::VERSION, 16);
}

#[test]
fn docs_and_fields_of_a_struct_are_kept() {
    /// A user finished signing up.
    ///
    ///     indented
    #[derive(Event)]
    #[doc(hidden)]
    #[doc = "By hand."]
    struct UserCreated {
        /// The key,
        /// in the users table.
        id: u64,
        r#type: Option<&'static str>,
        /** How they heard of us. */
        sources: HashMap<String, Vec<[u8; 4]>>,
        callback: fn(&str) -> u8,
    }

    assert_eq!(UserCreated::DOCS, "A user finished signing up.\n\n    indented\nBy hand.");
    assert_eq!(
        described::<UserCreated>(),
        [
            ("id", "u64", "The key,\nin the users table."),
            ("type", "Option<&'static str>", ""),
            ("sources", "HashMap<String, Vec<[u8; 4]>>", "How they heard of us."),
            ("callback", "fn(&str) -> u8", ""),
        ]
    );
}

#[test]
fn fields_of_a_tuple_struct_are_numbered() {
    #[derive(Event)]
    struct Moved(/** From. */ u64, (i8, i8));

    assert_eq!(described::<Moved>(), [("0", "u64", "From."), ("1", "(i8, i8)", "")]);
}

#[test]
fn variants_of_an_enum_say_what_they_carry() {
    /// An order came to its end.
    #[derive(Event)]
    enum OrderClosed {
        /// All is well.
        Paid,
        Refunded(u64, Option<String>),
        Cancelled {
            /// Not part of the description of the variant.
            reason: String,
            by: Arc<str>,
        },
    }
    #[derive(Event)]
    enum NeverHappened {}

    assert_eq!(OrderClosed::NAME, "order.closed");
    assert_eq!(OrderClosed::DOCS, "An order came to its end.");
    assert_eq!(
        described::<OrderClosed>(),
        [
            ("Paid", "", "All is well."),
            ("Refunded", "(u64, Option<String>)", ""),
            ("Cancelled", "{ reason: String, by: Arc<str> }", ""),
        ]
    );
    assert_eq!(described::<NeverHappened>(), []);
}

#[test]
fn docs_made_by_a_macro_are_kept() {
    /// Below is its crate's configuration.
    #[derive(Event)]
    #[doc = include_str!("../../clippy.toml")]
    #[doc = concat!("and ", "more")]
    struct Configured;

    let configuration = include_str!("../../clippy.toml");
    assert_eq!(Configured::DOCS, format!("Below is its crate's configuration.\n{configuration}\nand more"));
}

#[test]
fn a_generic_event_needs_no_bounds_of_its_own() {
    #[derive(Event)]
    #[event(name = "entity.changed", shares_name)]
    struct Changed<T> {
        to: T,
    }
    #[derive(Event)]
    struct Locked<T>(Arc<Mutex<T>>);
    #[derive(Event)]
    struct Wrapped<T: ?Sized>(T);

    fn emit<T: Send + Sync + 'static>(to: T) -> &'static str {
        fn emit(event: impl IntoEvent) -> &'static str {
            let _ = event.into_arc();
            "emitted"
        }
        emit(Changed { to })
    }
    fn is_event<E: Event>() {}

    assert_eq!(emit(String::new()), "emitted");
    assert_eq!(Changed::<u8>::NAME, Changed::<String>::NAME);
    assert_ne!(Changed::<u8>::TYPE, Changed::<String>::TYPE);
    const { assert!(Changed::<u8>::SHARES_NAME && !Locked::<u8>::SHARES_NAME) };
    assert_eq!(described::<Changed<u8>>(), [("to", "T", "")]);
    // No more is asked than the type as a whole needs: `Cell` is not `Sync`, but a `Mutex` of it is.
    is_event::<Locked<std::cell::Cell<u8>>>();
    is_event::<Wrapped<u8>>();
}

#[test]
fn bounds_defaults_where_clauses_and_const_parameters_are_kept() {
    trait Entity: Send + Sync + 'static {
        type Id: Display + Send + Sync + 'static;
    }
    struct User;
    impl Entity for User {
        type Id = u64;
    }

    #[derive(Event)]
    struct EntityDeleted<E: Entity, const BATCH: usize = 1>
    where
        E::Id: Display,
    {
        ids: [E::Id; BATCH],
    }
    #[derive(Event)]
    #[event(shares_name)]
    enum Sampled<const RATE: u32> {
        Once,
    }

    assert_eq!(EntityDeleted::<User>::NAME, "entity.deleted");
    assert_eq!(described::<EntityDeleted<User, 2>>(), [("ids", "[E::Id; BATCH]", "")]);
    assert_eq!(Sampled::<3>::NAME, "sampled");
}

#[test]
fn a_recursive_type_can_be_an_event() {
    #[derive(Event)]
    struct TreePruned<T> {
        value: T,
        children: Vec<TreePruned<T>>,
    }

    assert_eq!(TreePruned::<u8>::NAME, "tree.pruned");
}

/// Nothing but the event itself is derived anywhere here; this holds what is neither `Clone` nor `Debug`.
#[test]
fn neither_clone_nor_debug_nor_serde_is_needed() {
    struct Opaque;
    #[derive(Event)]
    struct HandleClosed {
        opaque: Opaque,
    }

    assert_eq!(described::<HandleClosed>(), [("opaque", "Opaque", "")]);
}

/// A framework may re-export the bus as a module, or its items one by one.
mod framework {
    pub(crate) use ::eventbus;

    pub(crate) mod events {
        pub(crate) use eventbus::*;
    }

    pub(crate) mod picked {
        pub(crate) use eventbus::{Event, EventName, event};
    }
}

#[test]
fn a_framework_can_hand_the_derive_on() {
    /// Docs.
    #[derive(framework::eventbus::Event)]
    #[event(crate = framework::eventbus)]
    struct ModuleLoaded {
        id: u64,
    }
    #[derive(framework::events::Event)]
    #[event(crate = framework::events, name = "module.found")]
    struct GlobLoaded<T>(T);
    #[derive(framework::picked::Event)]
    #[event(crate = "crate::derive::framework::picked")]
    enum PickedLoaded {
        Once(u64),
    }

    assert_eq!(ModuleLoaded::NAME, "module.loaded");
    assert_eq!(GlobLoaded::<u8>::NAME, "module.found");
    assert_eq!(PickedLoaded::NAME, "picked.loaded");
}

#[test]
fn the_derive_of_a_framework_says_where_the_crate_is_unless_the_type_does() {
    struct ModuleLoaded<T>(T);
    framework::eventbus::derive_event! {
        crate = framework::picked;
        #[event(name = "module.started", version = 2)]
        struct ModuleLoaded<T>(T);
    }
    struct PluginLoaded;
    framework::eventbus::derive_event! {
        crate = nowhere;
        #[event(crate = framework::events)]
        struct PluginLoaded;
    }

    let ModuleLoaded(field) = ModuleLoaded(7_u8);
    assert_eq!((field, ModuleLoaded::<u8>::VERSION), (7, 2));
    assert_eq!(ModuleLoaded::<u8>::NAME, "module.started");
    assert_eq!(PluginLoaded::NAME, "plugin.loaded");
}

/// A surrounding in which each name that generated code may lean on is missing or means something else.
mod hostile {
    #![no_implicit_prelude]
    #![allow(non_camel_case_types, reason = "the primitive types are shadowed")]

    pub(crate) struct Option;
    pub(crate) struct Result;
    pub(crate) struct str;
    pub(crate) struct bool;
    pub(crate) struct u32;
    pub(crate) trait Send {}
    pub(crate) trait Sync {}
    pub(crate) mod core {}
    pub(crate) mod std {}
    pub(crate) mod eventbus {}

    /// Still documented.
    #[derive(::eventbus::Event)]
    #[event(version = 3, shares_name)]
    pub(crate) struct WorldEnded<T> {
        /// Why.
        pub(crate) reason: T,
        pub(crate) shadowed: (Option, Result, str, bool, u32),
    }
}

#[test]
fn generated_code_leans_on_no_name_in_scope() {
    type WorldEnded = hostile::WorldEnded<u8>;
    assert_eq!(WorldEnded::NAME, "world.ended");
    assert_eq!(WorldEnded::VERSION, 3);
    assert_eq!(WorldEnded::DOCS, "Still documented.");
    assert_eq!(described::<WorldEnded>()[0], ("reason", "T", "Why."));
}
