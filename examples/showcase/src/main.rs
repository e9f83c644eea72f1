//! The showcase of the README, word for word: a listener fails, one panics, the others run, and the report tells.

#![forbid(unsafe_code)]

use eventbus::{Bus, Event};

/// A user finished signing up.
#[derive(Event)] // name "user.created", version 1
struct UserCreated {
    id: u64,
    email: String,
}

fn main() {
    let bus = Bus::new();
    bus.on::<UserCreated>(|e| println!("welcome, {}", e.email)); // e: &UserCreated
    bus.listener::<UserCreated>().named("crm").priority(10).on(|e| {
        let shard: u8 = e.id.to_string().parse()?; // `?` on any error
        println!("stored on shard {shard}");
        eventbus::Ok(())
    });
    bus.listener::<UserCreated>().named("badge").on(|_| panic!("no badges left"));
    bus.on::<UserCreated>(|e| println!("user {} counted", e.id));

    let report = bus.emit(UserCreated { id: 300, email: "ada@example.org".into() }).blocking();
    println!("{report}");
    println!("{} finished well", report.succeeded());
}
