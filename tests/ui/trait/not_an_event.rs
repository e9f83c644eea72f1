use eventbus::Event;

fn on<E: Event>(_listener: impl Fn(&E)) {}

struct UserCreated;

fn main() {
    on::<UserCreated>(|_| {});
}
