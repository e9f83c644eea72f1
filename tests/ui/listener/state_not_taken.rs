use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.listener::<UserCreated>().with("shop").on(|e| println!("{}", e.email));
}
