//! The service: takes deliveries from GitHub by HTTP, publishes them, and at the end says what became of all.

mod answer;
mod body;
mod budget;
mod connections;
mod guid;
mod limits;
mod receive;
mod refusal;
mod signature;

use std::{
    fmt, io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use eventbus::{Bus, ShutdownReport};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use limits::Limits;
pub(crate) use signature::Secret;

use crate::ledger::Ledger;
use receive::Receiver;

/// Of what went wrong, so many are told at the end, and of the others how many there are.
const TOLD: usize = 100;

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

/// Where a service listens, who may send to it, and how much it bears.
pub(crate) struct Service {
    pub(crate) addr: SocketAddr,
    pub(crate) secret: Secret,
    pub(crate) limits: Limits,
    /// How long the end may take.
    pub(crate) shutdown: Duration,
}

impl Service {
    /// Serves until `stop` is cancelled; then ends the requests that are under way, and after them what they have published.
    ///
    /// `ready` is told the address as soon as requests are taken.
    ///
    /// # Errors
    ///
    /// The address cannot be had.
    pub(crate) async fn run(
        self,
        bus: &Bus,
        stop: &CancellationToken,
        ready: impl FnOnce(SocketAddr),
    ) -> Result<Ending, CannotListen> {
        let Self { addr, secret, limits, shutdown } = self;
        let cannot = |error| CannotListen { addr, error };
        let listener = TcpListener::bind(addr).await.map_err(cannot)?;
        let addr = listener.local_addr().map_err(cannot)?;
        let cutoff = CancellationToken::new();
        let receiver = Receiver::new(bus, secret, &limits, &cutoff);
        let service = move |request| receiver.clone().answer(request);
        let stopped = stop.clone();
        let mut server = tokio::spawn(async move { connections::serve(listener, service, &limits, &stopped).await });
        ready(addr);

        stop.cancelled().await;
        let until = Instant::now() + shutdown;
        // First who publishes, then what is published: what a request was answered 202 for is in a queue by now. A client that
        // does not finish its request must not take all the time; it is told to come again.
        let mut is_answered = timeout(shutdown / 2, &mut server).await.is_ok();
        if !is_answered {
            cutoff.cancel();
            is_answered = timeout(shutdown / 4, server).await.is_ok();
        }
        let report = bus.shutdown(until.saturating_duration_since(Instant::now())).await;
        Ok(Ending::of(bus, &report, is_answered))
    }
}

impl Ending {
    /// How it ended, and tells on stderr what was not handled.
    pub(crate) fn of(bus: &Bus, report: &ShutdownReport, is_answered: bool) -> Self {
        tell(bus, report);
        let stats = report.stats();
        let is_balanced = stats.published.is_balanced() && stats.deliveries().is_balanced();
        Self { ledger: Ledger::of(stats), is_clean: is_answered && is_balanced && report.is_clean() }
    }
}

/// Tells on stderr what was not handled.
fn tell(bus: &Bus, report: &ShutdownReport) {
    for letter in bus.dead_letters().in_memory().iter().take(TOLD) {
        eprintln!("webhooks: {letter}");
    }
    let dead = report.stats().deliveries().dead_lettered;
    tell_more("dead letters", usize::try_from(dead).unwrap_or(usize::MAX));
    for one in report.returned().iter().take(TOLD) {
        let group = one.group.as_deref().unwrap_or("none");
        eprintln!("webhooks: {} {} in group `{group}` was not handled in time", one.message.name(), one.message.id());
    }
    tell_more("deliveries not handled in time", report.returned().len());
}

fn tell_more(what: &str, all: usize) {
    if let Some(more @ 1..) = all.checked_sub(TOLD) {
        eprintln!("webhooks: .. and {more} more {what}");
    }
}
