use std::{cell::Cell, rc::Rc};

use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Counter(Cell<u8>);

#[listeners]
impl Counter {
    #[on]
    fn done(&self, _: &OrderDone) {}
}

struct Generic<T>(T);

#[listeners]
impl<T> Generic<T> {
    #[on]
    fn done(&self, _: &OrderDone) {}
}

fn main() {
    let bus = eventbus::Bus::new();
    bus.register(std::sync::Arc::new(Generic(7))).unwrap();
    bus.register(std::sync::Arc::new(Generic(Rc::new(7)))).unwrap();
}
