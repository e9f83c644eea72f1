use eventbus::Event;

#[derive(Event)]
#[event(serde)]
struct UserCreated;

fn main() {}
