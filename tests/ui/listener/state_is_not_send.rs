use std::{cell::RefCell, rc::Rc};

use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated;

fn main() {
    let bus = Bus::new();
    bus.listener::<UserCreated>().with(Rc::new(RefCell::new(0))).on(|count, _| *count.borrow_mut() += 1);
}
