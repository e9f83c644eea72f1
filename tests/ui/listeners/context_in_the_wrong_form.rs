use eventbus::{Context, Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on]
    fn done(&self, _: &OrderDone, _: Context) {}

    #[on]
    async fn later(&self, _: &OrderDone, _: &mut Context) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
