use eventbus::{Event, event::IntoEvent};

fn emit(_event: impl IntoEvent) {}

#[derive(Event)]
struct UserCreated;

fn main() {
    emit(Box::new(UserCreated));
    emit(&UserCreated);
}
