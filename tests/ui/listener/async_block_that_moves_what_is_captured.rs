use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let (bus, sender) = (Bus::new(), String::from("shop"));
    bus.on_async::<UserCreated>(move |e| async move { println!("{sender} to {}", e.email) });
}
