use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.on("user.created", |e| println!("{}", e.name()));
}
