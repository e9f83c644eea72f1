use std::sync::Arc;

struct Service;

fn main() {
    eventbus::Bus::new().register(Arc::new(Service)).unwrap();
}
