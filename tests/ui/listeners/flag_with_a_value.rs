use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on(once = 3)]
    fn done(&self, _: &OrderDone) {}

    #[on(blocking = true, spawned(false))]
    fn blocks(&self, _: &OrderDone) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
