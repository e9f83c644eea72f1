use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated;

fn main() {
    let bus = Bus::new();
    bus.on_async::<UserCreated>(|_| println!("welcome"));
}
