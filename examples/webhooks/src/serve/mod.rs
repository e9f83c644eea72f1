//! The service: takes deliveries from GitHub by HTTP, publishes them, and at the end says what became of all.

mod answer;
mod body;
mod budget;
mod connections;
mod guid;
mod health;
mod limits;
mod metrics;
mod receive;
mod refusal;
mod signature;

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use eventbus::{Bus, ShutdownReport, dead_letter::DeadLetter};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use limits::Limits;
pub(crate) use metrics::Exporter;
pub(crate) use signature::Secret;

use crate::{bounded::Firsts, ledger::Ledger};
use receive::Receiver;

/// The dead letters, for the end: what cannot be handled, whether this process keeps it or a server.
#[derive(Default)]
pub(crate) struct Dead(Mutex<Firsts<String>>);

impl Dead {
    pub(crate) fn add(&self, letter: &DeadLetter) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(|| letter.to_string());
    }
}

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
    /// Where the buses record what `/metrics` tells.
    pub(crate) exporter: Exporter,
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
        dead: &Dead,
        stop: &CancellationToken,
        ready: impl FnOnce(SocketAddr),
    ) -> Result<Ending, CannotListen> {
        let Self { addr, secret, limits, shutdown, exporter } = self;
        let cannot = |error| CannotListen { addr, error };
        let listener = TcpListener::bind(addr).await.map_err(cannot)?;
        let addr = listener.local_addr().map_err(cannot)?;
        let cutoff = CancellationToken::new();
        let receiver = Receiver::new(bus, secret, &limits, &cutoff, &exporter);
        let service = move |request| receiver.clone().answer(request);
        let stopped = stop.clone();
        let mut server = tokio::spawn(async move { connections::serve(listener, service, &limits, &stopped).await });
        ready(addr);

        stop.run_until_cancelled(exporter.keep_up()).await;
        let until = Instant::now() + shutdown;
        // First who publishes, then what is published: what a request was answered 202 for is in a queue by now. A client that
        // does not finish its request must not take all the time; it is told to come again.
        let mut is_answered = timeout(shutdown / 2, &mut server).await.is_ok();
        if !is_answered {
            cutoff.cancel();
            is_answered = timeout(shutdown / 4, server).await.is_ok();
        }
        let report = bus.shutdown(until.saturating_duration_since(Instant::now())).await;
        Ok(Ending::of(&report, dead, is_answered))
    }
}

impl Ending {
    /// How it ended, and tells on stderr what was not handled.
    pub(crate) fn of(report: &ShutdownReport, dead: &Dead, is_answered: bool) -> Self {
        tell(report, &dead.0.lock().unwrap_or_else(PoisonError::into_inner));
        let stats = report.stats();
        let is_balanced = stats.published.is_balanced() && stats.deliveries().is_balanced();
        Self { ledger: Ledger::of(stats), is_clean: is_answered && is_balanced && report.is_clean() }
    }
}

/// Tells on stderr what was not handled.
fn tell(report: &ShutdownReport, dead: &Firsts<String>) {
    let mut late = Firsts::default();
    for one in report.returned() {
        let group = one.group.as_deref().unwrap_or("none");
        let (name, id) = (one.message.name(), one.message.id());
        late.push(|| format!("{name} {id} in group `{group}` was not handled in time"));
    }
    for (firsts, what) in [(dead, "dead letters"), (&late, "deliveries not handled in time")] {
        for text in firsts.kept() {
            eprintln!("webhooks: {text}");
        }
        if firsts.more() > 0 {
            eprintln!("webhooks: .. and {} more {what}", firsts.more());
        }
    }
}
