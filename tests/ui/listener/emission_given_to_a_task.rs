use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn spawn(_: impl Future + Send + 'static) {} // as that of a runtime

fn main() {
    let bus = Bus::new();
    spawn(bus.emit(UserCreated { email: "ada@example.org".into() }));
}
