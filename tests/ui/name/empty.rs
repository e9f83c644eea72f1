use eventbus::Event;

#[derive(Event)]
#[event(name = "")]
struct UserCreated;

fn main() {}
