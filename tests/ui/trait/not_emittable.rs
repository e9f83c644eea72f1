use eventbus::event::IntoEvent;

fn emit(_event: impl IntoEvent) {}

struct UserCreated;

fn main() {
    emit(UserCreated);
}
