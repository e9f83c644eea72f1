use std::time::Duration;

use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated;

fn main() {
    let bus = Bus::new();
    bus.listener::<UserCreated>().timeout(Duration::from_secs(1)).on(|_| ());
}
