use eventbus::Event;

#[derive(Event)]
#[event(, version = 2)]
struct UserCreated;

fn main() {}
