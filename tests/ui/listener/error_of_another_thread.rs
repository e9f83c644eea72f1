use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn welcome(e: &UserCreated) -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", e.email);
    Ok(())
}

fn main() {
    let bus = Bus::new();
    bus.on::<UserCreated>(|e| welcome(e));
}
