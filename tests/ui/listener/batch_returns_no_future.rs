use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    let _ = bus.consumer("mailer").handle_batch::<UserCreated>(9, std::time::Duration::ZERO, |all| println!("{}", all.len()));
}
