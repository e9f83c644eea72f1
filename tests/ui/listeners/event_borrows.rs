use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

struct PageViewed<'a>(&'a str);

#[listeners]
impl Service {
    #[on]
    fn viewed(&self, _: &PageViewed<'_>) {}

    #[on]
    async fn later<'a>(&self, _: &PageViewed<'a>) {}
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
