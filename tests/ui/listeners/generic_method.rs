use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on]
    fn done<E: Event>(&self, _: &E) {}

    #[on]
    fn sized<const N: usize>(&self, _: &OrderDone) {}

    #[on]
    fn bounded(&self, _: &OrderDone)
    where
        Self: Sized,
    {
    }
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
