use eventbus::{Event, EventName};

#[derive(Event)]
struct UserCreated;

impl Event for UserCreated {
    const NAME: EventName = EventName::new("user.created");
}

fn main() {}
