//! Handles works and writes down what it has handled, until `SIGTERM`.

#![forbid(unsafe_code)]

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use eventbus::{
    Bus, Delivery, Retry,
    transport::{Start, Transport as _},
};
use eventbus_redis::RedisStreams;
use redis_faults::{GROUP, Ledger, Note, Options, Run, Work};
use tokio::signal::unix::{SignalKind, signal};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What the handler does, besides writing.
#[derive(Clone, Copy)]
struct Handling {
    time: Duration,
    /// Each so-manieth work fails at first; 0 is none.
    fails: u64,
    /// This one ends the process.
    aborts: u64,
}

async fn run() -> Result<bool, Failure> {
    let options = Options::of_this_process();
    let ledger = Arc::new(Ledger::open(Path::new(options.text("ledger"))));
    let mut terminated = signal(SignalKind::terminate())?;
    let builder = RedisStreams::builder(options.text("url")).max_len(10_000_000);
    let builder = builder.partitions(options.number("partitions", 0)).answer_timeout(options.millis("answer", 3000));
    let builder = builder.connect_timeout(options.millis("answer", 3000));
    let transport = Arc::new(builder.lease(options.millis("lease", 30_000)).connect().await?);
    let errors = Arc::clone(&ledger);
    let bus = Bus::builder()
        .transport(Arc::clone(&transport))
        .on_failure(|_| {})
        .on_transport_error(move |error| errors.add(&Note::Error(error.to_string())))
        .build();
    let handling = Handling {
        time: options.millis("handling", 0),
        fails: options.number("fails", 0),
        aborts: options.number("aborts", u64::MAX),
    };
    let notes = Arc::clone(&ledger);
    bus.consumer(GROUP)
        .handle::<Work>(move |work: Arc<Work>, delivery: Delivery| handle(work, delivery, Arc::clone(&notes), handling))
        .workers(options.number("workers", 8))
        .retry(Retry::fixed(Duration::from_millis(10)).max_attempts(3))
        .start_at(Start::Oldest)
        .start()
        .await?;
    ledger.add(&Note::Ready);
    terminated.recv().await;
    let groups = transport.groups().await.unwrap_or_default();
    let own = groups.iter().find(|state| &*state.name == GROUP);
    ledger.add(&Note::Trimmed(own.and_then(|state| state.trimmed)));
    let report = bus.shutdown(Duration::from_secs(25)).await;
    ledger.add(&Note::Ended(report.to_string()));
    Ok(report.stats().deliveries().is_balanced())
}

async fn handle(work: Arc<Work>, delivery: Delivery, ledger: Arc<Ledger>, how: Handling) -> Result<(), &'static str> {
    let run = Run {
        process: std::process::id(),
        number: work.number,
        key: work.key,
        sequence: work.sequence,
        attempt: delivery.attempt(),
    };
    ledger.add(&Note::Began(run));
    if work.number == how.aborts {
        std::process::abort();
    }
    if how.fails > 0 && work.number.is_multiple_of(how.fails) && run.attempt == 1 {
        return Err("this one fails at first");
    }
    if !how.time.is_zero() {
        tokio::time::sleep(how.time).await;
    }
    ledger.add(&Note::Handled(run));
    Ok(())
}
