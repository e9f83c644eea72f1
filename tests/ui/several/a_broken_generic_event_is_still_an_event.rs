use eventbus::{Event, event::IntoEvent};

fn emit(_event: impl IntoEvent) {}

#[derive(Event)]
#[event(name = "Changed")]
struct Changed<T: Clone>
where
    Vec<T>: Clone,
{
    to: T,
}

fn main() {
    emit(Changed { to: 1 });
}
