use eventbus::Event;

#[derive(Event)]
#[event(name = "user.created" version = 2)]
struct UserCreated;

fn main() {}
