//! The service: takes deliveries from GitHub by HTTP, publishes them, and at the end says what became of all.

mod receive;
mod refusal;
mod signature;

use std::{
    fmt, io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{Router, extract::DefaultBodyLimit, routing::post};
use eventbus::Bus;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use signature::Secret;

use crate::{input::LARGEST_DELIVERY, ledger::Ledger};
use receive::{Receiver, receive};

/// How a service has ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) ledger: Ledger,
    /// Whether all that was taken in has been dealt with: handled, or reported as a dead letter.
    pub(crate) is_clean: bool,
}

/// Why a service does not begin.
#[derive(Debug)]
pub(crate) struct CannotListen {
    addr: SocketAddr,
    error: io::Error,
}

impl fmt::Display for CannotListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}: {}", self.addr, self.error)
    }
}

impl std::error::Error for CannotListen {}

/// Serves until `stop` is cancelled; then ends the requests that are under way, and after them what they have published.
///
/// `ready` is told the address as soon as requests are taken.
///
/// # Errors
///
/// The address cannot be had.
pub(crate) async fn serve(
    bus: &Bus,
    addr: SocketAddr,
    secret: Secret,
    shutdown: Duration,
    stop: &CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<Ending, CannotListen> {
    let cannot = |error| CannotListen { addr, error };
    let listener = TcpListener::bind(addr).await.map_err(cannot)?;
    let addr = listener.local_addr().map_err(cannot)?;
    let receiver = Receiver { bus: bus.clone(), secret };
    // On any path: which one it is, is agreed upon with GitHub, not with this program.
    let routes = Router::new()
        .fallback_service(post(receive).with_state(receiver))
        .layer(DefaultBodyLimit::max(LARGEST_DELIVERY));
    let server = axum::serve(listener, routes).with_graceful_shutdown(stop.clone().cancelled_owned());
    let server = tokio::spawn(server.into_future());
    ready(addr);

    stop.cancelled().await;
    let until = Instant::now() + shutdown;
    // First who publishes, then what is published: what a request was answered 202 for is in a queue by now. A client that
    // does not finish its request must not take all the time.
    let answered = timeout(shutdown / 2, server).await.is_ok();
    let report = bus.shutdown(until.saturating_duration_since(Instant::now())).await;
    for letter in bus.dead_letters().in_memory() {
        eprintln!("webhooks: {letter}");
    }
    for one in report.returned() {
        let group = one.group.as_deref().unwrap_or("none");
        eprintln!("webhooks: {} {} in group `{group}` was not handled in time", one.message.name(), one.message.id());
    }
    let stats = report.stats();
    let balanced = stats.published.is_balanced() && stats.deliveries().is_balanced();
    Ok(Ending { ledger: Ledger::of(stats), is_clean: answered && balanced && report.is_clean() })
}
