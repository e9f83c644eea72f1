use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.on::<UserCreated>(|e| e.email = e.email.to_lowercase());
}
