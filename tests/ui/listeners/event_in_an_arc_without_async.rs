use std::sync::Arc;

use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on]
    fn done(&self, _: Arc<OrderDone>) {}

    #[on(blocking)]
    fn blocks(&self, _: std::sync::Arc<OrderDone>) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
