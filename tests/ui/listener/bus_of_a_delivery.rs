use eventbus::{Bus, Event};

#[derive(Event)]
struct UserCreated {
    email: String,
}

#[derive(Event)]
struct Welcomed;

fn main() {
    let bus = Bus::new();
    let mailer = bus.consumer("mailer").handle::<UserCreated>(|e, delivery| async move {
        println!("{}", e.email);
        delivery.bus().publish(Welcomed).await
    });
    drop(mailer);
}
