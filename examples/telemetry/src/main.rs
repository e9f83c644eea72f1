//! One trace through two services and the queue between them, collected by the SDK of OpenTelemetry.
//!
//! ```sh
//! cargo run -p telemetry                     # both services in this process, over a queue in memory
//!
//! redis-server --daemonize yes               # the same in two processes: their spans are joined by `tree`
//! { cargo run -p telemetry warehouse redis://127.0.0.1 & sleep 2; cargo run -p telemetry shop redis://127.0.0.1; wait; } |
//!     cargo run -p telemetry tree
//! ```
//!
//! With `--linked` the warehouse begins traces of its own, linked to those of the shop.
//!
//! To read it: `propagation.rs` takes a trace along with a message, `services.rs` is what is traced, `spans.rs` prints it.

#![forbid(unsafe_code)]

mod propagation;
mod services;
mod spans;

use std::{env, io, time::Duration};

use eventbus::{BoxError, Bus, redis::RedisStreams};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    services::{OrderPlaced, start_warehouse, traced, wire_shop},
    spans::{Line, Trees},
};

const USAGE: &str = "telemetry [--linked] [shop URL | warehouse URL | tree]";

const LONG: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let mut arguments: Vec<_> = env::args().skip(1).collect();
    let count = arguments.len();
    arguments.retain(|argument| argument != "--linked");
    let is_linked = arguments.len() < count;
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    if arguments == ["tree"] {
        print!("{}", Trees(spans::read(io::stdin().lock())?));
        return Ok(());
    }

    // A program that is no example has an exporter here that sends spans to a collector.
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("telemetry"));
    tracing_subscriber::registry().with(layer).init();

    let service = match arguments[..] {
        [] => {
            both(is_linked).await?;
            "both"
        }
        ["shop", url] => {
            shop(url, is_linked).await?;
            "shop"
        }
        ["warehouse", url] => {
            warehouse(url, is_linked).await?;
            "warehouse"
        }
        _ => return Err(USAGE.into()),
    };
    provider.force_flush()?;
    let lines: Vec<_> = exporter.get_finished_spans()?.iter().map(|span| Line::new(service, span)).collect();
    if service == "both" {
        print!("{}", Trees(lines));
    } else {
        for line in lines {
            println!("{line}");
        }
    }
    Ok(())
}

async fn both(is_linked: bool) -> Result<(), BoxError> {
    let bus = traced(is_linked).build();
    wire_shop(&bus);
    let packed = start_warehouse(&bus).await?;
    bus.emit(OrderPlaced { id: 7 }).await.into_result()?;
    packed.notified().await;
    shut_down(&bus).await
}

/// Takes an order, and ends.
async fn shop(url: &str, is_linked: bool) -> Result<(), BoxError> {
    let bus = traced(is_linked).transport(connect(url).await?).build();
    wire_shop(&bus);
    bus.emit(OrderPlaced { id: 7 }).await.into_result()?;
    shut_down(&bus).await
}

/// Ends with the first parcel.
async fn warehouse(url: &str, is_linked: bool) -> Result<(), BoxError> {
    let bus = traced(is_linked).transport(connect(url).await?).build();
    let packed = start_warehouse(&bus).await?;
    println!("the warehouse is open");
    packed.notified().await;
    shut_down(&bus).await
}

async fn connect(url: &str) -> Result<RedisStreams, BoxError> {
    Ok(RedisStreams::builder(url).stream("telemetry").connect().await?)
}

async fn shut_down(bus: &Bus) -> Result<(), BoxError> {
    let report = bus.shutdown(LONG).await;
    if report.is_clean() { Ok(()) } else { Err(report.to_string().into()) }
}
