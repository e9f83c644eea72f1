//! An application that is written with a framework, which is built on the bus: its sources never name what is below.
//!
//! ```sh
//! cargo run -p newsroom
//! ```
//!
//! The application is in `examples/framework/src`, the framework in `examples/framework/chassis`: `chassis/src/lib.rs` says what
//! it hands on, `chassis/macros` how its derive comes to its own name.

#![forbid(unsafe_code)]

use std::sync::Arc;

use chassis::{App, BoxError, Bus};
use newsroom::{Archive, Audit, Desk, Output, Search};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let (bus, output) = (Bus::new(), Output::default());
    let desk = Arc::new(Desk::new(&bus, &output));
    let app = App::on("newsroom", bus.clone())
        .with(Arc::new(Audit::new(&output)))
        .with(Arc::new(Archive::new(&output)))
        .with(Arc::new(Search::new(&bus, &output)))
        .with(Arc::clone(&desk))
        .start()
        .await?;
    println!("{}", app.listing());

    desk.publish(1, "Rain").await?;
    if let Err(error) = desk.publish(2, "").await {
        println!("not published: {error}");
    }
    desk.withdraw(1, "it did not rain");

    app.stop().await?;
    for line in output.take() {
        println!("{line}");
    }
    Ok(())
}
