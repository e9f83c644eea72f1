use eventbus::{Event, event::IntoEvent};

fn emit(_event: impl IntoEvent) {}

#[derive(Event)]
struct Changed<T> {
    to: T,
}

fn main() {
    let local = String::new();
    emit(Changed { to: local.as_str() });
}
