use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

use std::sync::Arc;

fn main() {
    let (bus, sender) = (Bus::new(), String::from("shop"));
    bus.on_async::<UserCreated>(async move |e: Arc<UserCreated>| println!("{sender} to {}", e.email));
}
