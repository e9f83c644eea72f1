use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.on_pattern("user.*", |e| println!("{}", e.email)).unwrap();
}
