use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    id: u32,
}

fn main() {
    let bus = Bus::new();
    bus.on::<UserCreated>(|e| e.id);
}
