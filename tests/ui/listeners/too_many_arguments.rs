use eventbus::{Context, Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on]
    fn done(&self, _: &OrderDone, _: &Context, _: u8, _: u8) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
