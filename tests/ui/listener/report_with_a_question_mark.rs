use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

async fn create(bus: &Bus) -> Result<(), Box<dyn std::error::Error>> {
    bus.emit(UserCreated { email: String::new() }).await?;
    Ok(())
}

fn main() {
    drop(create(&Bus::new()));
}
