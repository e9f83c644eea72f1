//! What the fuzzers check of any bytes; `fuzz/` runs the same bodies with libFuzzer.

use eventbus::{Bus, EventName, by_name::Pattern};

/// A name that passes the check is one to the bus, and one that does not is an error, never a panic.
pub(crate) fn names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let emitted = Bus::new().emit_name(&text, ()).is_ok();
    assert!(emitted || EventName::check(&text).is_err(), "{text:?}");
}

/// Before the first line end a pattern, behind it a name: the bus finds what `Pattern::matches` says.
pub(crate) fn patterns(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, name) = text.split_once('\n').unwrap_or((&text, "a.b"));
    let Ok(pattern) = Pattern::new(pattern) else { return };
    assert_eq!(Pattern::new(pattern.as_str()).as_ref(), Ok(&pattern), "prints as what it is");
    let bus = Bus::new();
    bus.on_pattern(pattern.as_str(), |_| ()).expect("checked");
    if EventName::check(name).is_ok() {
        let reached = bus.emit_name(name, ()).expect("checked").blocking().succeeded();
        assert_eq!(reached == 1, pattern.matches(name), "{pattern} {name}");
    }
}

/// Any payload is taken or refused, and makes no slot.
pub(crate) fn payloads(bytes: &[u8]) {
    let bus = Bus::new();
    bus.on_pattern("**", |e| drop(e.to_json())).expect("a pattern");
    if let Ok(emit) = bus.emit_json("user.lost", bytes) {
        assert!(emit.blocking().is_ok());
    }
    assert!(bus.event_names().is_empty());
}
