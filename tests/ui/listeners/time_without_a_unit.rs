use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on(timeout = 2)]
    async fn bare(&self, _: &OrderDone) {}

    #[on(timeout = "2")]
    async fn text(&self, _: &OrderDone) {}

    #[on(timeout = "1.5s")]
    async fn fraction(&self, _: &OrderDone) {}

    #[on(timeout = "0s")]
    async fn nothing(&self, _: &OrderDone) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
