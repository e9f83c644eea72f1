use eventbus::Event;

#[derive(Event)]
#[event(name = "User Created")]
struct UserCreated;

fn main() {}
