//! What the compiler tells users who make a mistake: one message for each, at the token that is wrong, with the fix.
//!
//! The cases are `<rule>/<mistake>.rs` with the expected output beside them. After a change run `cargo bless`
//! and read the diff. What must compile is in `tests/outside`: with a case that passes, trybuild would build each by itself.

#![forbid(unsafe_code)]

#[test]
fn each_mistake_has_one_message_with_the_fix() {
    let cases = trybuild::TestCases::new();
    for rule in ["name", "attribute", "codec", "shape", "trait", "several", "listeners"] {
        cases.compile_fail(format!("{rule}/*.rs"));
    }
    // Listeners of every kind, so with the runtime.
    cases.compile_fail("listener/*.rs");
}
