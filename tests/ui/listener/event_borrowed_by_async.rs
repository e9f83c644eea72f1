use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.on_async::<UserCreated>(|e: &UserCreated| std::future::ready(drop(e.email.clone())));
}
