use eventbus::Event;

#[derive(Event)]
#[event]
struct UserCreated;

#[derive(Event)]
#[event = "user.deleted"]
struct UserDeleted;

fn main() {}
