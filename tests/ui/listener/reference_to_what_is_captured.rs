use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

fn main() {
    let bus = Bus::new();
    let shop = String::from("shop");
    bus.on_async::<UserCreated>(move |e| {
        let shop = &shop;
        async move { println!("{shop} greets {}", e.email) }
    });
}
