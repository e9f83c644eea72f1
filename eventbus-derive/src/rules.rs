//! The rules for event names: the same as in `EventName::new`, with error messages that name the fix.

use crate::name;

pub(crate) const MAX_LEN: usize = 128;

/// Why a text is not an event name.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    Empty,
    TooLong,
    EmptySegment,
    BadStart(char),
    BadChar(char),
    Version,
}

pub(crate) fn check(name: &str) -> Result<(), Fault> {
    if name.is_empty() {
        return Err(Fault::Empty);
    }
    if name.len() > MAX_LEN {
        return Err(Fault::TooLong);
    }
    for segment in name.split('.') {
        let allowed = |char: char| matches!(char, 'a'..='z' | '0'..='9' | '_' | '-');
        if let Some(char) = segment.chars().find(|&char| !allowed(char)) {
            return Err(Fault::BadChar(char));
        }
        match segment.chars().next() {
            None => return Err(Fault::EmptySegment),
            Some(first @ ('_' | '-')) => return Err(Fault::BadStart(first)),
            Some(_) => {}
        }
    }
    if split_version(name).is_some() { Err(Fault::Version) } else { Ok(()) }
}

/// Splits `user.created.v2` into `user.created` and `2`, and `v2` into the empty string and `2`.
pub(crate) fn split_version(name: &str) -> Option<(&str, &str)> {
    let (rest, last) = name.rsplit_once('.').unwrap_or(("", name));
    let digits = last.strip_prefix('v')?;
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then_some((rest, digits))
}

/// The error message for `name`, with the fix.
pub(crate) fn explain(fault: &Fault, name: &str) -> String {
    let fix = || match repaired(name) {
        Some(better) => format!(": write `{better}`"),
        None => ", such as `user.created`".into(),
    };
    match fault {
        Fault::Empty => {
            "an event name must not be empty: write words joined by dots, such as `user.created`, or leave \
                         `name` out"
                .into()
        }
        Fault::TooLong => format!("event names have at most {MAX_LEN} bytes, this one has {}", name.len()),
        Fault::EmptySegment => format!("event names have no dot first, last, or twice in a row{}", fix()),
        Fault::BadStart(first) => format!("no word of an event name starts with `{first}`{}", fix()),
        Fault::BadChar(char) if char.is_ascii() => format!("event names are lowercase words joined by dots{}", fix()),
        Fault::BadChar(char) => {
            format!(
                "event names are lowercase ASCII words joined by dots, such as `user.created`; `{char}` is not one of a-z 0-9 _ -"
            )
        }
        Fault::Version => {
            let fix = split_version(name).map_or_else(String::new, |(rest, digits)| as_keys(Some(rest), digits));
            format!("an event name carries no version: write `{fix}` instead")
        }
    }
}

/// A name and a version as keys of `#[event(..)]`.
pub(crate) fn as_keys(name: Option<&str>, digits: &str) -> String {
    let name = name.filter(|name| check(name).is_ok()).unwrap_or("..");
    match digits.parse::<u32>() {
        Ok(version @ 1..) => format!("name = \"{name}\", version = {version}"),
        _ => format!("name = \"{name}\""),
    }
}

/// A valid name close to an invalid one: `user.created` for `User Created`.
fn repaired(name: &str) -> Option<String> {
    let segments: Vec<String> = name
        .split(['.', ' ', ':', '/'])
        .map(|segment| segment.split('-').map(|part| name::words(part).join("_")).collect::<Vec<_>>().join("-"))
        .map(|segment| segment.trim_matches('-').to_owned())
        .filter(|segment| !segment.is_empty())
        .collect();
    let better = match segments.as_slice() {
        [_] if !name.contains(['-', '.']) => name::from_type(name).ok()?,
        _ => segments.join("."),
    };
    check(&better).is_ok().then_some(better)
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventbus::EventName;
    use proptest::prelude::*;
    use std::panic::catch_unwind;

    #[test]
    fn a_bad_name_is_answered_with_a_good_one() {
        let fix = |name: &str| repaired(name).unwrap_or_default();
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
            explain(&Fault::Version, "user.created.v2"),
            "an event name carries no version: write `name = \"user.created\", version = 2` instead"
        );
        assert_eq!(as_keys(None, "0"), "name = \"..\"");
    }

    proptest! {
        #[test]
        fn the_derive_and_the_core_have_the_same_rules(
            name in prop_oneof!["[a-z0-9._-]{0,12}", "([a-z]{1,3}\\.){0,2}v[0-9]{0,2}", "\\PC{0,8}", "[a-z.]{126,130}"]
        ) {
            let leaked: &'static str = Box::leak(name.clone().into_boxed_str());
            let core = catch_unwind(|| EventName::new(leaked)).is_ok();
            prop_assert_eq!(check(&name).is_ok(), core, "{}", name);
        }
    }
}
