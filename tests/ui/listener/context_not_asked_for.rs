use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.listener::<UserCreated>().named("mail").on(|e, cx| println!("{} in {}", e.email, cx.emission()));
}
