use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on(priority = "high", named = 7)]
    fn done(&self, _: &OrderDone) {}

    #[on(priority, named =, timeout)]
    async fn later(&self, _: &OrderDone) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
