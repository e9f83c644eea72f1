use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on]
    unsafe fn done(&self, _: &OrderDone) {}

    #[on]
    extern "C" fn foreign(&self, _: &OrderDone) {}

    #[on]
    const fn early(&self, _: &OrderDone) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
