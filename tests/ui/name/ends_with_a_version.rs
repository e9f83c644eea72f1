use eventbus::Event;

#[derive(Event)]
#[event(name = "user.created.v2")]
struct UserCreated;

fn main() {}
