//! A monitor of one's own: for each event its emissions, the calls of its listeners, their errors and their average time.
//!
//! ```sh
//! cargo run -p monitor
//! ```

#![forbid(unsafe_code)]

mod event_monitor;

use std::time::Duration;

use eventbus::{Bus, Event};

use crate::event_monitor::EventMonitor;

#[derive(Event)]
struct UserCreated {
    email: String,
}

#[derive(Event)]
struct MailSent;

#[derive(Event)]
struct CacheCleared;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let monitor = EventMonitor::default();
    let bus = Bus::builder().intercept(monitor.clone()).on_failure(|failure| eprintln!("{failure}")).build();

    bus.listener::<UserCreated>()
        .named("search")
        .on(|user| if user.email.contains('@') { Ok(()) } else { Err("not an address") });
    bus.listener::<UserCreated>().named("mailer").with_context().on_async(|_, cx| async move {
        tokio::time::sleep(Duration::from_millis(5)).await; // the mail server
        cx.bus().emit(MailSent).await;
    });
    bus.on::<MailSent>(|_| {});

    for email in ["ada@example.org", "grace@example.org", "nobody"] {
        bus.emit(UserCreated { email: email.into() }).await;
    }
    bus.emit(CacheCleared).await; // nobody listens
    print!("{monitor}");
}
