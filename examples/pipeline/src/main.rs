//! From a queue through streams: published events reach two groups of consumers; one hands them to the listeners of the bus, four
//! of which are streams; these run through stages, side by side and in batches; and all of it ends after the drain, with
//! numbers that add up.
//!
//! ```sh
//! cargo run -p pipeline          # 329 recorded GitHub deliveries
//! ```
//!
//! ```text
//! file ─ publish ─┬─ group `archive`: 4 workers share it
//!                 └─ group `intake`: so many a second, to the listeners ─┬─ stream of issues ────────┐
//!                                                                        ├─ stream of pull requests ─┤ one stream: left out,
//!                                                                        ├─ stream of pushes ────────┤ looked up, batched,
//!                                                                        ├─ stream of others ────────┘ written
//!                                                                        └─ `github.*`: the latest, for a dashboard
//! ```
//!
//! "Fan-out" means two things. **A copy for each group**: `archive` and `intake` both get every event, as do several streams of one
//! event. **Several workers sharing one group**: each event goes to one of `archive`'s four; the stage that looks changes up is
//! the same inside one task.

#![forbid(unsafe_code)]

mod archive;
mod events;
#[path = "../../webhooks/src/input.rs"]
mod input;
mod intake;
mod stages;

use std::{
    error::Error,
    path::Path,
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use eventbus::{AnyEvent, Bus, EventStream, Rate, ShutdownReport, stream::Lagged};

use crate::{
    archive::Archive,
    events::{IssueChanged, OtherChanged, PullRequestChanged, Pushed},
    intake::Intake,
    stages::Done,
};

/// What the group `intake` hands on.
const PER_SECOND: u32 = 400;

/// How many events the dashboard keeps.
const LATEST: usize = 16;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    // Publishers wait for room here: that is what goes at the pace of the archive.
    let bus = Bus::builder().on_warning(|_| {}).build();

    // Streams first: they have what is emitted from here on.
    let latest = bus.stream_pattern("github.*")?.capacity(LATEST);
    let pipeline = tokio::spawn(stages::run(stages::changes(&bus)));

    let archive = Arc::new(Archive::default());
    archive.start(&bus).await?;
    bus.consumer("intake")
        .to_listeners::<IssueChanged>()
        .to_listeners::<PullRequestChanged>()
        .to_listeners::<Pushed>()
        .to_listeners::<OtherChanged>()
        .rate_limit(Rate::per_second(PER_SECOND).burst(20))
        .capacity(50) // when so many wait, `publish` does, too
        .start()
        .await?;

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/github-webhooks.jsonl.gz");
    let intake = intake::publish_all(&bus, &file).await?;

    // The end: what is queued is still handled, then the streams end, and so the pipeline does.
    let report = bus.shutdown(Duration::from_secs(25)).await;
    let done = pipeline.await?;
    let board = Board::read(latest).await;

    tell(&archive, &done, &board);
    Ok(if adds_up(&intake, &report, &done, &board) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the dashboard has: nobody waited for it, and it knows what it missed.
#[derive(Default)]
struct Board {
    shown: u64,
    missed: u64,
}

impl Board {
    async fn read(mut latest: EventStream<AnyEvent<'static>>) -> Self {
        let mut board = Self::default();
        while let Some(item) = latest.next().await {
            match item {
                Ok(_) => board.shown += 1,
                Err(Lagged { missed, .. }) => board.missed += missed,
            }
        }
        board
    }
}

fn tell(archive: &Archive, done: &Done, board: &Board) {
    let (stored, at_most) = (archive.stored.load(Ordering::Relaxed), archive.at_most.load(Ordering::Relaxed));
    println!("archive   {stored} events stored by {} workers, at most {at_most} at a time", archive::WORKERS);
    println!("intake    a copy of each to the listeners of this bus, {PER_SECOND} a second");
    let sources: Vec<_> = done.sources.iter().map(|(source, count)| format!("{source} {count}")).collect();
    println!("fan-in    {}", sources.join(" + "));
    let Done { left_out, written, batches, repositories, .. } = done;
    println!(
        "stages    {left_out} by bots left out; {written} looked up, {} at a time, and written in {batches} batches of up to {}",
        stages::SIDE_BY_SIDE,
        stages::BATCH
    );
    if let Some((repository, count)) = repositories.iter().max_by_key(|(_, count)| **count) {
        println!("busiest   {repository}, {count} changes");
    }
    println!("dashboard the latest {} of {}; {} missed", board.shown, board.shown + board.missed, board.missed);
}

/// Prints the last line, and says whether every delivery is where it should be.
fn adds_up(intake: &Intake, report: &ShutdownReport, done: &Done, board: &Board) -> bool {
    let Intake { deliveries, published, refused } = *intake;
    let handled = |group| report.stats().group(group).map_or(0, |group| group.handled);
    let (archived, handed_on) = (handled("archive"), handled("intake"));
    let Done { left_out, written, .. } = *done;
    println!(
        "deliveries {deliveries}: published {published}, refused {refused}; archived {archived}; \
         handed on {handed_on}: left out {left_out}, written {written}"
    );
    report.is_clean()
        && deliveries == published + refused
        && [archived, handed_on, left_out + written, board.shown + board.missed] == [published; 4]
}
