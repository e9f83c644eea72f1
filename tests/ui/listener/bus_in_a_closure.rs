use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.on::<UserCreated>(|_| drop(bus.event_names()));
}
