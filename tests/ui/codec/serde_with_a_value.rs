use eventbus::Event;

#[derive(Event)]
#[event(serde = true)]
struct UserCreated;

fn main() {}
