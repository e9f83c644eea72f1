use eventbus::Event;

#[derive(Event)]
#[event(crate = my_framework::events)]
struct UserCreated;

fn main() {}
