use eventbus::Event;
use std::rc::Rc;

#[derive(Event)]
struct PageViewed {
    path: Rc<str>,
}

fn main() {}
