use eventbus::Event;

#[derive(Event)]
#[event(name = "user._created")]
struct UserCreated;

fn main() {}
