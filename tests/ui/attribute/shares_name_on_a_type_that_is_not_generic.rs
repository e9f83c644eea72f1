use eventbus::Event;

#[derive(Event)]
#[event(shares_name)]
struct UserCreated;

fn main() {}
