use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

#[listeners]
impl Service {
    #[on]
    async fn done(&self, _: &OrderDone) {
        let local = std::rc::Rc::new(7);
        std::future::ready(()).await;
        drop(local);
    }
}

fn main() {}
