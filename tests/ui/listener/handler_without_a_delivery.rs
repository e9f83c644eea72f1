use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    let _ = bus.consumer("mailer").handle::<UserCreated>(|e| async move { println!("{}", e.email) });
}
