use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners(name = "service", crates = eventbus, crate = 7)]
impl Service {
    #[on]
    fn done(&self, _: &OrderDone) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
