//! The default name of an event, derived from the words of its type's name.

/// Why a type has no default name.
#[derive(Debug, PartialEq)]
pub(crate) enum NoName {
    /// The type's name is not ASCII, and event names are.
    NotAscii,
    /// The type's name has only underscores.
    NoWords,
}

/// `OrderItemAdded` becomes `order_item.added`: the last word is the action, the words before it are the entity.
///
/// The result has valid characters only, but it may be too long, or end like a version (`UserV2`).
pub(crate) fn from_type(type_name: &str) -> Result<String, NoName> {
    if !type_name.is_ascii() {
        return Err(NoName::NotAscii);
    }
    join(&words(type_name)).ok_or(NoName::NoWords)
}

/// The default name without the type's last word: `user.created` for `UserCreatedV2`.
pub(crate) fn without_last_word(type_name: &str) -> Option<String> {
    let mut words = words(type_name);
    words.pop();
    join(&words)
}

fn join(words: &[String]) -> Option<String> {
    let (action, entity) = words.split_last()?;
    Some(if entity.is_empty() { action.clone() } else { format!("{}.{action}", entity.join("_")) })
}

/// The words of an identifier, in lower case.
///
/// A word starts at a capital that follows a small letter or a digit (`user|Created`, `http2|Stream`), and at the last of
/// several capitals if a small letter follows (`HTTP|Request`). Underscores separate words; digits belong to the word before.
pub(crate) fn words(ident: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    let mut rest = ident.chars().peekable();
    while let Some(char) = rest.next() {
        let acronym_ends = rest.peek().is_some_and(char::is_ascii_lowercase);
        let starts = char.is_ascii_uppercase() && (!before.is_ascii_uppercase() || acronym_ends);
        if starts || char == '_' {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| char != '_') {
            word.push(char.to_ascii_lowercase());
        }
        before = char;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;
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
            assert_eq!(from_type(type_name).as_deref(), Ok(name));
        }
    }

    #[test]
    fn an_acronym_is_one_word() {
        assert_eq!(from_type("HTTPRequestReceived").as_deref(), Ok("http_request.received"));
        assert_eq!(from_type("UserID").as_deref(), Ok("user.id"));
        assert_eq!(from_type("OAuth2TokenIssued").as_deref(), Ok("o_auth2_token.issued"));
    }

    #[test]
    fn digits_belong_to_the_word_before_them() {
        assert_eq!(from_type("Http2StreamOpened").as_deref(), Ok("http2_stream.opened"));
        assert_eq!(from_type("HTTP2Opened").as_deref(), Ok("http2.opened"));
        assert_eq!(from_type("S3ObjectPut").as_deref(), Ok("s3_object.put"));
        assert_eq!(from_type("Sha256sumDone").as_deref(), Ok("sha256sum.done"));
    }

    #[test]
    fn underscores_part_words() {
        for type_name in ["User_Created", "user_created", "USER_CREATED", "_UserCreated", "User__Created_"] {
            assert_eq!(from_type(type_name).as_deref(), Ok("user.created"), "{type_name}");
        }
        assert_eq!(from_type("__"), Err(NoName::NoWords));
    }

    #[test]
    fn a_type_that_is_not_ascii_has_no_default_name() {
        assert_eq!(from_type("KäuferErstellt"), Err(NoName::NotAscii));
    }

    #[test]
    fn a_version_word_can_be_left_out() {
        assert_eq!(without_last_word("UserCreatedV2").as_deref(), Some("user.created"));
        assert_eq!(without_last_word("V2"), None);
    }

    proptest! {
        #[test]
        fn the_default_name_of_any_camel_case_type_is_an_event_name(
            entity in "([A-Z][A-Za-z0-9]{0,9}){0,5}",
            action in "[A-Z][a-z]{1,12}",
        ) {
            let name = from_type(&format!("{entity}{action}")).unwrap();
            prop_assert_eq!(rules::check(&name), Ok(()), "{}", name);
        }

        #[test]
        fn the_default_name_of_any_ascii_type_has_the_right_characters(type_name in "[A-Za-z_][A-Za-z0-9_]{0,40}") {
            if let Ok(name) = from_type(&type_name) {
                let verdict = rules::check(&name);
                prop_assert!(matches!(verdict, Ok(()) | Err(rules::Fault::Version)), "{name}: {verdict:?}");
            }
        }
    }
}
