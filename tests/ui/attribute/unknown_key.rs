use eventbus::Event;

#[derive(Event)]
#[event(topic = "users")]
struct UserCreated;

fn main() {}
