use eventbus::Event;

#[derive(Event)]
#[event(name = user.created)]
struct UserCreated;

fn main() {}
