use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on]
    fn done(&self, _: &OrderDone) -> u8 {
        7
    }

    #[on]
    async fn later(&self, _: &OrderDone) -> Option<()> {
        None
    }

    #[on]
    fn fails(&self, _: &OrderDone) -> Result<(), u8> {
        Ok(())
    }
}

fn main() {
    eventbus::Bus::new().register(std::sync::Arc::new(Service)).unwrap();
}
