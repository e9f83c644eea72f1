//! How the derive names events and which names it takes: tested here, beside the rules of the bus.

#[path = "../../eventbus-derive/src/name.rs"]
mod name;
#[path = "../../eventbus-derive/src/rules.rs"]
mod rules;

use std::panic::catch_unwind;

use eventbus::EventName;
use proptest::prelude::*;

#[test]
fn the_last_word_is_the_action_and_those_before_it_the_entity() {
    for (type_name, name) in [
        ("UserCreated", "user.created"),
        ("OrderItemAdded", "order_item.added"),
        ("Startup", "startup"),
        ("A", "a"),
        ("AB", "ab"),
    ] {
        assert_eq!(name::from_type(type_name).as_deref(), Ok(name));
    }
}

#[test]
fn an_acronym_is_one_word() {
    assert_eq!(name::from_type("HTTPRequestReceived").as_deref(), Ok("http_request.received"));
    assert_eq!(name::from_type("UserID").as_deref(), Ok("user.id"));
    assert_eq!(name::from_type("OAuth2TokenIssued").as_deref(), Ok("o_auth2_token.issued"));
}

#[test]
fn digits_belong_to_the_word_before_them() {
    assert_eq!(name::from_type("Http2StreamOpened").as_deref(), Ok("http2_stream.opened"));
    assert_eq!(name::from_type("HTTP2Opened").as_deref(), Ok("http2.opened"));
    assert_eq!(name::from_type("S3ObjectPut").as_deref(), Ok("s3_object.put"));
    assert_eq!(name::from_type("Sha256sumDone").as_deref(), Ok("sha256sum.done"));
}

#[test]
fn underscores_part_words() {
    for type_name in ["User_Created", "user_created", "USER_CREATED", "_UserCreated", "User__Created_"] {
        assert_eq!(name::from_type(type_name).as_deref(), Ok("user.created"), "{type_name}");
    }
    assert_eq!(name::from_type("__"), Err(name::NoName::NoWords));
}

#[test]
fn a_type_that_is_not_ascii_has_no_default_name() {
    assert_eq!(name::from_type("KäuferErstellt"), Err(name::NoName::NotAscii));
}

#[test]
fn a_version_word_can_be_left_out() {
    assert_eq!(name::without_last_word("UserCreatedV2").as_deref(), Some("user.created"));
    assert_eq!(name::without_last_word("V2"), None);
}

#[test]
fn a_bad_name_is_answered_with_a_good_one() {
    let fix = |name: &str| rules::repaired(name).unwrap_or_default();
    assert_eq!(fix("User Created"), "user.created");
    assert_eq!(fix("UserCreated"), "user.created");
    assert_eq!(fix("USER_CREATED"), "user.created");
    assert_eq!(fix("user::loginAttempt"), "user.login_attempt");
    assert_eq!(fix("Billing.InvoicePaid"), "billing.invoice_paid");
    assert_eq!(fix(".user..created."), "user.created");
    assert_eq!(fix("user._created"), "user.created");
    assert_eq!(fix("user.Sign-Up"), "user.sign-up");
    assert_eq!(fix("user.created!"), "");
    assert_eq!(fix("..."), "");
}

#[test]
fn a_version_in_a_name_is_answered_with_the_two_keys() {
    assert_eq!(
        rules::explain(&rules::Fault::Version, "user.created.v2"),
        "an event name carries no version: write `name = \"user.created\", version = 2` instead"
    );
    assert_eq!(rules::as_keys(None, "0"), "name = \"..\"");
}

proptest! {
    #[test]
    fn the_default_name_of_any_camel_case_type_is_an_event_name(
        entity in "([A-Z][A-Za-z0-9]{0,9}){0,5}",
        action in "[A-Z][a-z]{1,12}",
    ) {
        let name = name::from_type(&format!("{entity}{action}")).unwrap();
        prop_assert_eq!(rules::check(&name), Ok(()), "{}", name);
    }

    #[test]
    fn the_default_name_of_any_ascii_type_has_the_right_characters(type_name in "[A-Za-z_][A-Za-z0-9_]{0,40}") {
        if let Ok(name) = name::from_type(&type_name) {
            let verdict = rules::check(&name);
            prop_assert!(matches!(verdict, Ok(()) | Err(rules::Fault::Version)), "{name}: {verdict:?}");
        }
    }

    #[test]
    fn the_derive_and_the_core_have_the_same_rules(
        name in prop_oneof!["[a-z0-9._-]{0,12}", "([a-z]{1,3}\\.){0,2}v[0-9]{0,2}", "\\PC{0,8}", "[a-z.]{126,130}"]
    ) {
        let leaked: &'static str = Box::leak(name.clone().into_boxed_str());
        let core = catch_unwind(|| EventName::new(leaked)).is_ok();
        prop_assert_eq!(rules::check(&name).is_ok(), core, "{}", name);
    }
}
