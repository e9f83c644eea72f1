//! A shop with a blog, made of modules that know the bus and their own tables, and nothing of each other.
//!
//! ```sh
//! cargo run -p modules
//! ```
//!
//! To read it: `app.rs` puts it together, by constructors; `database.rs` has the transaction, whose events are heard after the
//! commit or not at all; `orders.rs` has critical events beside those that are not; at the end of each module's file is how it
//! is tested alone.

#![forbid(unsafe_code)]

mod analytics;
mod app;
mod database;
mod error;
mod events;
mod notifications;
mod orders;
mod posts;
mod users;

use std::{error::Error, sync::Arc};

use eventbus::Bus;

use crate::{app::App, database::Database};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // What nobody reads in a report is told here: above all the failures of what was spawned.
    let bus = Bus::builder().on_failure(|failure| println!("failure: {failure}")).build();
    let app = App::new(&bus, &Arc::new(Database::in_memory()?))?;

    let ada = app.users.register("ada@example.org").await?;
    let bob = app.users.register("bob@full.example.org").await?;
    if let Err(error) = app.users.register("ada@example.org").await {
        println!("no third user: {error}");
    }

    app.posts.publish(ada, &["Hello", "On engines"]).await?;
    if let Err(error) = app.posts.publish(ada, &["Draft", "Hello"]).await {
        println!("neither post: {error}");
    }

    app.orders.place(ada, "lamp", 1250).await?;
    if let Err(error) = app.orders.place(bob + 1, "lamp", 1250).await {
        println!("no order: {error}");
    }
    // The mailbox is full: the order stands all the same.
    app.orders.place(bob, "book", 800).await?;

    bus.settled().await?;
    for (to, text) in app.notifications.sent()? {
        println!("mail to {to}: {text}");
    }
    println!("{} posts, {} orders", app.posts.count()?, app.orders.count()?);
    for (event, count) in app.analytics.counts()? {
        println!("{event}: {count}");
    }
    let deferred = bus.stats().deferred;
    println!("after commits {}, of transactions that were rolled back {}", deferred.released, deferred.discarded);
    Ok(())
}
