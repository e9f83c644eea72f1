use eventbus::{Event, on};

#[derive(Event)]
struct OrderDone;

struct Service;

impl Service {
    #[on]
    fn done(&self, _: &OrderDone) {}
}

#[on(once)]
fn free(_: &OrderDone) {}

fn main() {}
