use eventbus::{Event, listeners};

#[derive(Event)]
struct OrderDone;

struct Service;

trait Listens {
    fn done(&self, _: &OrderDone);
}

#[listeners]
impl Listens for Service {
    #[on]
    fn done(&self, _: &OrderDone) {}
}

#[listeners]
trait Other {
    #[on]
    fn done(&self, _: &OrderDone);
}

fn main() {}
