//! The run with workers: publishes every delivery by name, lets the groups handle them, and keeps the books.

use std::{
    collections::{BTreeMap, HashMap},
    thread,
};

use eventbus::{Bus, Message, MessageId, PublishError, ShutdownReport};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    consumers::Settings,
    input::{Damage, Delivery, Input},
    ledger::Ledger,
    modules::Unclaimed,
    progress::Progress,
    run::{FailedDelivery, Listening, Tally},
};

/// Lines that are read ahead. More would wait outside of the queues, which are there for that.
const READ_AHEAD: usize = 16;

/// A line that was read, with its number.
type Line = (u64, Result<Vec<u8>, Damage>);

/// Publishes every delivery of `input` until it ends or `stop` is cancelled, and waits until all are handled.
pub(crate) async fn run(
    bus: &Bus,
    listening: &Listening,
    input: Input,
    settings: &Settings,
    stop: &CancellationToken,
) -> (Tally, Ledger) {
    let mut books = Books::default();
    let mut progress = Progress::on_stderr();
    let mut lines = read(input);
    loop {
        let next = stop.run_until_cancelled(lines.recv()).await;
        let Some(Some((line, read))) = next else { break };
        let parsed = read.as_ref().map_err(ToString::to_string);
        let parsed = parsed.and_then(|line| Delivery::parse(line).map_err(|damage| damage.to_string()));
        let failure = match parsed {
            Ok(delivery) => match books.publish(bus, listening, line, &delivery, stop).await {
                Ok(failure) => failure,
                Err(Interrupted) => break,
            },
            Err(reason) => Some(FailedDelivery { line, name: None, reason }),
        };
        books.tally.deliveries += 1;
        books.tally.failures.extend(failure);
        progress.at(books.tally.deliveries, books.tally.failures.len());
    }
    progress.done();
    let report = bus.shutdown(settings.shutdown).await;
    books.close(bus, &report);
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
#[derive(Default)]
struct Books {
    tally: Tally,
    /// Where each message was read, and its delivery's dotted name.
    published: HashMap<MessageId, (u64, String)>,
}

impl Books {
    /// Publishes a delivery under `github.` and its kind; what is wrong with it. While a group is full, this waits.
    async fn publish(
        &mut self,
        bus: &Bus,
        listening: &Listening,
        line: u64,
        delivery: &Delivery<'_>,
        stop: &CancellationToken,
    ) -> Result<Option<FailedDelivery>, Interrupted> {
        let name = delivery.name.to_string();
        let kind = format!("github.{}", delivery.event);
        let publish = match bus.publish_json(&kind, delivery.payload) {
            Ok(publish) => publish,
            Err(error) => return Ok(Some(FailedDelivery { line, name: Some(name), reason: error.to_string() })),
        };
        let event = publish.event_type();
        let id = MessageId::new();
        match publish.id(id).cancel_on(stop).await {
            Ok(()) => {
                if let Some(event) = event {
                    self.tally.typed += 1;
                    self.tally.arrived(event.name(), listening);
                }
                self.published.insert(id, (line, name));
                Ok(None)
            }
            Err(PublishError::Cancelled(_)) => Err(Interrupted),
            Err(error) => Ok(Some(FailedDelivery { line, name: Some(name), reason: error.to_string() })),
        }
    }

    /// Moves what was not handled well to the failures. A delivery fails once, in however many groups.
    fn close(&mut self, bus: &Bus, report: &ShutdownReport) {
        let letters = bus.dead_letters().in_memory();
        let dead = letters.iter().map(|letter| (&letter.message, format!("{}: {}", letter.group, letter.error)));
        let returned = report.returned().iter().filter_map(|one| {
            let group = one.group.as_deref()?;
            // Other groups would have passed it over.
            let matters = is_typed(&one.message) != (group == Unclaimed::GROUP);
            matters.then(|| (&one.message, format!("{group}: not handled in time")))
        });
        let mut reasons: BTreeMap<u64, (&Message, Vec<String>)> = BTreeMap::new();
        for (message, reason) in dead.chain(returned) {
            if let Some((line, _)) = self.published.get(&message.id()) {
                reasons.entry(*line).or_insert((message, Vec::new())).1.push(reason);
            }
        }
        for (line, (message, reasons)) in reasons {
            self.tally.typed -= usize::from(is_typed(message));
            let name = self.published.remove(&message.id()).map(|(_, name)| name);
            self.tally.failures.push(FailedDelivery { line, name, reason: reasons.join("; ") });
        }
        self.tally.failures.sort_by_key(|failure| failure.line);
    }
}

fn is_typed(message: &Message) -> bool {
    message.event_type().is_some()
}
