use eventbus::Event;
use std::cell::Cell;

#[derive(Event)]
struct PageViewed {
    times: Cell<u32>,
}

fn main() {}
