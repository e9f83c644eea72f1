//! The generated code is silent under lints that its user could not silence.
#![forbid(unsafe_code)]
#![deny(warnings, unused_qualifications, missing_docs, unreachable_pub)]

use eventbus::{Event, EventName, event::Field};

/// A user was created.
#[derive(Event)]
#[deprecated]
pub struct UserCreated {
    /// The key.
    pub id: u64,
}

/// Something changed.
#[derive(Event)]
#[event(shares_name)]
pub struct Changed<T> {
    /// What it is now.
    pub to: T,
}

/// Something changed, and the path is one that is in scope.
#[derive(Event)]
#[event(crate = eventbus)]
pub struct Replaced<T> {
    /// What it is now.
    pub to: T,
}

fn main() {
    let _: (EventName, &[Field]) = (Replaced::<u8>::NAME, Replaced::<u8>::FIELDS);
}
