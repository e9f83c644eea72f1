use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on(spawned)]
    fn done(&self, _: &OrderDone) {}

    #[on(blocking, spawned)]
    fn blocks(&self, _: &OrderDone) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
