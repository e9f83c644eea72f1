use eventbus::{Event, EventName, event::EventType};

struct UserCreated;

impl Event for UserCreated {
    const NAME: EventName = EventName::new("User.Created");
}

// As a bus would look at it, but in a constant: `cargo check` evaluates those.
const _: &EventType = UserCreated::TYPE;

fn main() {}
