use eventbus::Event;
use std::rc::Rc;

fn on<E: Event>(_listener: impl Fn(&E)) {}

#[derive(Event)]
struct Changed<T> {
    to: T,
}

fn main() {
    on::<Changed<u32>>(|changed| _ = changed.to);
    on::<Changed<Rc<u32>>>(|changed| _ = changed.to);
}
