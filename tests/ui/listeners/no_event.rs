use eventbus::{Context, Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on]
    fn done(&self) {}

    #[on]
    fn only_a_context(&self, _: &Context) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
