//! A small shop as an HTTP service: its handlers emit events, and stock, payment, mail and analytics listen.
//!
//! ```sh
//! cargo run -p web_service -- --addr 127.0.0.1:8080
//!
//! order() { curl -i localhost:8080/orders --json "{\"item\": \"$1\", \"quantity\": 1, \"email\": \"ada@example.org\"}"; }
//! order book                                                # 201
//! order declined                                            # 409, names the listener that refused
//! order outage                                              # 502, names the listener that failed
//! order slow                                                # 504, when the request's two seconds are up
//! order slow                                                # .. and press Ctrl-C: the log shows its listeners stop
//! curl localhost:8080/import --json '[{"item": "book", "quantity": 5}, {"item": "stuck", "quantity": 1}]'
//! curl localhost:8080/orders/1
//! curl localhost:8080/stats
//! ```
//!
//! SIGTERM and Ctrl-C end it: requests and receipts that are under way are finished first. `--help` shows the options.
//!
//! To read it: `api/orders.rs` has the critical emission, which is awaited, beside the one that is not, which is spawned;
//! `api/mod.rs` says what ends a request, `api/error.rs` what an emission's error is in HTTP, `modules/` who listens, and
//! `shutdown.rs` how it ends.

#![forbid(unsafe_code)]

mod api;
mod catalogue;
mod cli;
mod events;
mod log;
mod modules;
mod orders;
mod shutdown;
#[path = "../../webhooks/src/signals.rs"]
mod signals;

use std::{
    env, io,
    process::ExitCode,
    sync::{Arc, atomic::AtomicUsize},
};

use eventbus::Bus;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    api::Shop,
    cli::{Command, Options},
    log::{FailureLog, line, say},
    modules::{Analytics, Mail, Payment, Provider, Stock},
    orders::Orders,
    shutdown::drain,
    signals::Signals,
};

/// How many emissions that nobody waits for may be under way: a mail relay that hangs is not to eat the memory. Those
/// beyond it do not run, and the failure log says so.
const MOST_SPAWNED: usize = 10_000;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Command::parse(env::args_os().skip(1)) {
        Ok(Command::Serve(options)) => options,
        Ok(Command::Help) => {
            say(format_args!("{}", cli::HELP.trim_end()));
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(format_args!("{error}")),
    };
    match TcpListener::bind(options.addr).await {
        Ok(listener) => serve(listener, &options).await.unwrap_or_else(|error| refuse(format_args!("{error}"))),
        Err(error) => refuse(format_args!("cannot listen on {}: {error}", options.addr)),
    }
}

/// Wires the program together. The modules get the bus and what each needs, and do not meet.
fn open(options: &Options) -> Shop {
    let failures = Arc::<FailureLog>::default();
    let log = Arc::clone(&failures);
    let bus = Bus::builder().on_failure(move |failure| log.tell(failure)).max_spawned(MOST_SPAWNED).build();
    Shop {
        orders: Arc::<Orders>::default(),
        stock: Stock::new(&bus, &catalogue::ITEMS),
        payment: Payment::new(&bus, Provider),
        mail: Mail::new(&bus, options.mail_relay),
        analytics: Analytics::new(&bus),
        failures,
        patience: options.deadline,
        stop: CancellationToken::new(),
        requests: AtomicUsize::new(0),
        bus,
    }
}

/// Serves until a signal comes, and then until all that is under way has ended.
async fn serve(listener: TcpListener, options: &Options) -> io::Result<ExitCode> {
    let shop = Arc::new(open(options));
    let mut signals = Signals::new()?;
    let closing = CancellationToken::new();
    let addr = listener.local_addr()?;
    let server = axum::serve(listener, api::routes(Arc::clone(&shop)));
    let server = server.with_graceful_shutdown(closing.clone().cancelled_owned());
    let mut server = tokio::spawn(server.into_future());
    // Only now: who reads it may send requests, and signals.
    say(format_args!("listening on {addr}"));

    let signal = signals.next().await;
    closing.cancel();
    line(format_args!("{signal}: no more requests"));
    let ended = drain(&shop, &mut server, options.shutdown, &mut signals).await;
    let done = serde_json::to_string(&shop.orders.counts())?;
    say(format_args!("stopped, orders: {done}, failures: {}", shop.failures.count()));
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Says on stderr why the program did not do what it was asked.
fn refuse(why: std::fmt::Arguments<'_>) -> ExitCode {
    line(format_args!("web_service: {why}"));
    ExitCode::from(2)
}
