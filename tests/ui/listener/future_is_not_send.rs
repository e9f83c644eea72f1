use std::rc::Rc;

use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated;

fn main() {
    let bus = Bus::new();
    bus.on_async::<UserCreated>(|_| async {
        let local = Rc::new(7);
        std::future::ready(()).await;
        drop(local);
    });
}
