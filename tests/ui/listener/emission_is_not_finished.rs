#![deny(unused_must_use)]

use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated;

fn main() {
    let bus = Bus::new();
    bus.emit(UserCreated);
}
