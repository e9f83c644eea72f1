use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated;

fn main() {
    let bus = Bus::new();
    bus.listener::<UserCreated>().spawned().on(|_| ());
}
