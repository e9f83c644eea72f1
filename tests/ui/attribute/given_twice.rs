use eventbus::Event;

#[derive(Event)]
#[event(name = "user.created", version = 2)]
#[event(name = "user.added")]
struct UserCreated;

fn main() {}
