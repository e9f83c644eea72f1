use eventbus::{Bus, Event, listeners};

#[derive(Event)]
struct UserCreated {
    email: String,
}

struct Mail;

#[listeners]
impl Mail {
    #[on]
    fn welcome(&self, e: &UserCreated) {
        println!("{}", e.email);
    }
}

fn main() {
    let bus = Bus::new();
    bus.register(&Mail).unwrap();
}
