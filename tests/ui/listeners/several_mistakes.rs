use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners(named = 7)]
impl Service {
    #[on(onec, priority = "high")]
    fn done(&mut self, _: OrderDone, _: u8) {}

    #[on(blocking)]
    async fn later(_: &OrderDone) {}

    #[on]
    fn good(&self, _: &OrderDone) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
