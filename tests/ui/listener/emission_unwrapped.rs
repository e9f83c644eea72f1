use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    Bus::new().emit(UserCreated { email: String::new() }).into_result().unwrap();
}
