use eventbus::Event;

#[derive(Event)]
#[event("user.created")]
struct UserCreated;

fn main() {}
