//! A type inside of a function is an event too, whatever its surroundings call `u32`.
#![forbid(unsafe_code)]
#![deny(warnings)]

use eventbus::Event;

fn main() {
    #[allow(non_camel_case_types, dead_code)]
    type u32 = String;

    #[derive(Event)]
    struct Started;

    assert_eq!(Started::NAME, "started");
    assert_eq!(Started::TYPE.version(), 1);
}
