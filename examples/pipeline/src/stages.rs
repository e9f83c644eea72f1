//! The pipeline: streams of events are brought together, sifted, looked up side by side, and written in batches. The stages are
//! those of `futures-util`: a stream of the bus is a stream like any other.

use std::{
    collections::BTreeMap,
    future::ready,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use eventbus::{Bus, EventStream, Overflow};
use futures_util::{
    Stream, StreamExt,
    stream::{BoxStream, select_all},
};

use crate::events::{Account, IssueChanged, OtherChanged, PullRequestChanged, Pushed};

/// How many changes are looked up at a time.
pub(crate) const SIDE_BY_SIDE: usize = 8;

/// How many changes are written together.
pub(crate) const BATCH: usize = 25;

/// How many events each stream holds for the pipeline. If it is behind by so many, it slows down whoever emits.
const ROOM: usize = 8;

/// What all events have in common, as far as the pipeline cares.
#[derive(Debug)]
pub(crate) struct Change {
    source: &'static str,
    repository: Option<String>,
    by_bot: bool,
}

/// What went through the pipeline.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) left_out: u64,
    pub(crate) written: u64,
    pub(crate) batches: u64,
    /// Those written, by the stream that they came from.
    pub(crate) sources: BTreeMap<&'static str, u64>,
    /// Those written, by repository.
    pub(crate) repositories: BTreeMap<String, u64>,
}

/// Fan-in: the streams of four types of events become one stream of changes, which ends when all four have.
pub(crate) fn changes(bus: &Bus) -> impl Stream<Item = Change> + Send + 'static {
    let issues = changes_of(bus.stream(), |e: &IssueChanged| Change {
        source: "issues",
        repository: Some(e.repository.full_name.clone()),
        by_bot: e.sender.is_bot(),
    });
    let pull_requests = changes_of(bus.stream(), |e: &PullRequestChanged| Change {
        source: "pull requests",
        repository: Some(e.repository.full_name.clone()),
        by_bot: e.sender.is_bot(),
    });
    let pushes = changes_of(bus.stream(), |e: &Pushed| Change {
        source: "pushes",
        repository: Some(e.repository.full_name.clone()),
        by_bot: e.sender.is_bot(),
    });
    let others = changes_of(bus.stream(), |e: &OtherChanged| Change {
        source: "others",
        repository: e.repository.as_ref().map(|repository| repository.full_name.clone()),
        by_bot: e.sender.as_ref().is_some_and(Account::is_bot),
    });
    select_all([issues, pull_requests, pushes, others])
}

/// The events of a type as changes. Where nothing may be lost, a stream waits when it is full.
fn changes_of<E: Send + Sync + 'static>(
    events: EventStream<Arc<E>>,
    change: impl Fn(&E) -> Change + Send + 'static,
) -> BoxStream<'static, Change> {
    let events = events.capacity(ROOM).overflow(Overflow::Wait);
    // Those that wait never lag; if one did, it would be said, and the numbers at the end would not add up.
    let events = events.filter_map(|item| ready(item.inspect_err(|lagged| eprintln!("pipeline: {lagged}")).ok()));
    events.map(move |event| change(&event)).boxed()
}

/// Runs the stages until there are no more changes.
pub(crate) async fn run(changes: impl Stream<Item = Change>) -> Done {
    let left_out = AtomicU64::new(0);
    let is_wanted = |change: &Change| {
        left_out.fetch_add(change.by_bot.into(), Ordering::Relaxed);
        !change.by_bot
    };
    let batches = changes
        .filter(|change| ready(is_wanted(change)))
        .map(look_up) // a future for each ..
        .buffer_unordered(SIDE_BY_SIDE) // .. of which so many run at a time, and the first that is ready comes out first
        .chunks(BATCH);

    let mut batches = pin!(batches);
    let mut done = Done::default();
    while let Some(batch) = batches.next().await {
        done.batches += 1;
        for (source, repository) in batch {
            done.written += 1;
            *done.sources.entry(source).or_default() += 1;
            *done.repositories.entry(repository).or_default() += 1;
        }
    }
    done.left_out = left_out.load(Ordering::Relaxed);
    done
}

/// Stands for a question to another service.
async fn look_up(change: Change) -> (&'static str, String) {
    tokio::time::sleep(Duration::from_millis(5)).await;
    (change.source, change.repository.unwrap_or_else(|| "(none)".to_owned()))
}
