use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.on_async("user.created", |e| async move { println!("{}", e.name()) });
}
