use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    let mut users = 0;
    bus.on::<UserCreated>(move |e| {
        println!("{}", e.email);
        users += 1;
    });
}
