//! Does not compile: the bus evaluates the name, however late. `tests/ui/trait` has the words.

use eventbus::{Event, EventName};

struct UserCreated;

impl Event for UserCreated {
    const NAME: EventName = EventName::new("User.Created");
}

fn main() {
    assert_eq!(UserCreated::TYPE.version(), 1); // as a bus would look at it
}
