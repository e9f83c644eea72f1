use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.on_async::<UserCreated>(async |e| println!("{}", e.email));
}
