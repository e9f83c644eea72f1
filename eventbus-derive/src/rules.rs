//! The rules for event names: the same as in `EventName::new`, with error messages that name the fix.

use super::name;

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
pub(crate) fn repaired(name: &str) -> Option<String> {
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
