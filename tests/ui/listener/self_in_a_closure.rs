use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

struct Mailer;

impl Mailer {
    fn wire(&self, bus: &Bus) {
        bus.on::<UserCreated>(|e| self.send(&e.email));
    }

    fn send(&self, _: &str) {}
}

fn main() {
    Mailer.wire(&Bus::new());
}
