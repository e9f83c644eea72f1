use eventbus::Event;

#[derive(Event)]
#[event(schema)]
struct UserCreated;

fn main() {}
