//! The run with workers: publishes every delivery by name, lets the groups handle them, and keeps the books.

use std::{sync::Arc, thread, time::Duration};

use eventbus::{Bus, ShutdownReport, publish::PublishJsonError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    consumers::Settings,
    failing::{Failing, Ids},
    failures::{FailedDelivery, FailureKind},
    input::{Damage, Delivery, Input},
    ledger::Ledger,
    modules::Unclaimed,
    progress::Progress,
    run::{Listening, Tally},
};

/// Lines that are read ahead. More would wait outside of the queues, which are there for that.
const READ_AHEAD: usize = 16;

/// A line that was read, with its number.
type Line = (u64, Result<Vec<u8>, Damage>);

/// Publishes every delivery of `input` until it ends or `stop` is cancelled, and waits until all are handled.
///
/// `failing` hears of the dead letters of `bus`.
pub(crate) async fn run(
    bus: &Bus,
    failing: Arc<Failing>,
    listening: &Listening,
    input: Input,
    settings: &Settings,
    stop: &CancellationToken,
) -> (Tally, Ledger) {
    let mut books = Books { tally: Tally::default(), ids: Ids::new(), failing };
    let mut progress = Progress::on_stderr();
    let mut lines = read(input);
    loop {
        let next = stop.run_until_cancelled(lines.recv()).await;
        let Some(Some((line, read))) = next else { break };
        let parsed = match &read {
            Ok(text) => Delivery::parse(text).map_err(|damage| damage.to_string()),
            Err(damage) => Err(damage.to_string()),
        };
        match parsed {
            Ok(delivery) => {
                if books.publish(bus, listening, line, &delivery, stop).await.is_err() {
                    break;
                }
            }
            Err(reason) => books.tally.failures.push(FailureKind::Line, || FailedDelivery::damaged(line, reason)),
        }
        books.tally.deliveries += 1;
        if books.failing.is_full() && books.catch_up(bus, stop).await.is_err() {
            break;
        }
        progress.at(books.tally.deliveries, books.failed());
    }
    progress.done();
    let report = bus.shutdown(settings.shutdown).await;
    books.close(&report);
    (books.tally, Ledger::of(report.stats()))
}

/// Reads in a thread of its own, which nobody waits for: it may hang in a pipe when the program ends.
fn read(mut input: Input) -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(READ_AHEAD);
    thread::spawn(move || {
        let mut buffer = Vec::new();
        while let Some((line, read)) = input.next_line(&mut buffer) {
            if sender.blocking_send((line, read.map(|()| std::mem::take(&mut buffer)))).is_err() {
                return;
            }
        }
    });
    lines
}

/// The program ends, and this delivery was not published.
struct Interrupted;

/// The books of the deliveries that are published.
struct Books {
    tally: Tally,
    ids: Ids,
    failing: Arc<Failing>,
}

impl Books {
    /// Publishes a delivery under `github.` and its kind. While a group is full, this waits.
    async fn publish(
        &mut self,
        bus: &Bus,
        listening: &Listening,
        line: u64,
        delivery: &Delivery<'_>,
        stop: &CancellationToken,
    ) -> Result<(), Interrupted> {
        let name = &delivery.name;
        let publish = match bus.publish_json(&format!("github.{}", delivery.event), delivery.payload) {
            Ok(publish) => publish,
            Err(error) => {
                let failure = || FailedDelivery::named(line, name, &error.to_string());
                self.tally.failures.push(FailureKind::of(&error), failure);
                return Ok(());
            }
        };
        let event = publish.event_type();
        match publish.id(self.ids.id(line, name)).cancel_on(stop).await {
            Ok(()) => {
                if let Some(event) = event {
                    self.tally.typed += 1;
                    self.tally.arrived(event.name(), listening);
                }
            }
            Err(PublishJsonError::Cancelled(_)) => return Err(Interrupted),
            Err(error) => {
                let failure = || FailedDelivery::named(line, name, &error.to_string());
                self.tally.failures.push(FailureKind::Unpublished, failure);
            }
        }
        Ok(())
    }

    /// How many have failed so far.
    fn failed(&self) -> usize {
        self.tally.failures.len() + self.failing.len()
    }

    /// Waits until the groups have handled all, and settles what failed in them: in as many as it was, it failed once.
    async fn catch_up(&mut self, bus: &Bus, stop: &CancellationToken) -> Result<(), Interrupted> {
        // With a rate limit it may take long.
        const LOOK: Duration = Duration::from_mins(1);
        while stop.run_until_cancelled(bus.drained(LOOK)).await.ok_or(Interrupted)?.is_err() {}
        self.settle();
        Ok(())
    }

    /// Moves what was not handled to the failures. No group has any of it still.
    fn settle(&mut self) {
        for (line, failed) in self.failing.take() {
            self.tally.typed -= usize::from(failed.is_typed);
            let kind = if failed.is_late { FailureKind::NotInTime } else { FailureKind::Module };
            let failure = || FailedDelivery::named(line, &self.ids.name(&failed), &failed.reasons.join("; "));
            self.tally.failures.push(kind, failure);
        }
    }

    /// Settles what is left, and what was not handled in time.
    fn close(&mut self, report: &ShutdownReport) {
        for one in report.returned() {
            let Some(group) = one.group.as_deref() else { continue };
            // Other groups would have passed it over.
            if one.message.event_type().is_some() != (group == Unclaimed::GROUP) {
                self.failing.late(&one.message, group);
            }
        }
        self.settle();
    }
}
