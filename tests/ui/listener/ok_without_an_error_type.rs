use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn save(_: &str) -> Result<(), std::io::Error> {
    Ok(())
}

fn main() {
    let bus = Bus::new();
    bus.on::<UserCreated>(|e| {
        save(&e.email)?;
        Ok(())
    });
}
