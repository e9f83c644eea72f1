use eventbus::Event;

#[derive(Event)]
#[event(nmae = "user.created")]
struct UserCreated;

fn main() {}
