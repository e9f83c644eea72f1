use eventbus::{Event, event::IntoEvent};

fn emit(_event: impl IntoEvent) {}

#[derive(Event)]
#[event(name = "User Created", version = 0, colour = "red", shares_name)]
#[event(version = 3)]
struct UserCreated<'a> {
    #[event(name = "id")]
    id: &'a u64,
}

fn main() {
    emit(UserCreated { id: &1 }); // no second error: it is an event, if a broken one
}
