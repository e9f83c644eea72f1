//! The background task of a transport: what has come due is published or delivered again, and what a reader holds stays leased.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use redis::Pipeline;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    error::CommandError,
    reading::Reading,
    reply::{count, int},
    script::{self, call},
    shared::Shared,
};

/// It ends with its transport.
pub(crate) async fn run(transport: Weak<Shared>, closed: CancellationToken) {
    let mut last_error = None;
    let mut extended = Instant::now();
    let mut shared_at = None;
    loop {
        let Some(shared) = transport.upgrade() else { return };
        // Partitions are shared four times in a lease.
        let poll = shared.settings.poll.min(shared.block());
        let mut readings = shared.readings();
        share_partitions(&shared, &readings, &mut shared_at).await;
        for reading in &readings {
            reading.forget_overdue_suspect();
        }
        readings.retain(|reading| !reading.closing.is_cancelled());
        if extended.elapsed() >= shared.settings.lease / 3 {
            extended = Instant::now();
            for reading in &readings {
                reading.give_suspect_back().await;
                reading.extend_buffered().await;
            }
        }
        let wait = match tick(&shared, &readings).await {
            Ok(due) => {
                last_error = None;
                due.map_or(poll, |due| due.min(poll))
            }
            Err(error) => {
                let text = error.to_string();
                // Once for each trouble: what lasts is told by those who read and publish, too.
                if last_error.as_ref() != Some(&text) {
                    shared.report(None, error);
                    last_error = Some(text);
                }
                poll
            }
        };
        drop(readings);
        let changed = async {
            shared.changed.notified().await;
            drop(shared);
        };
        tokio::select! {
            biased;
            () = closed.cancelled() => return,
            () = changed => {}
            // Processes that were started together do not look together.
            () = sleep(wait.mul_f64(0.9 + fastrand::f64() / 10.0).max(Duration::from_millis(1))) => {}
        }
    }
}

/// Tells the server four times in a lease that the consumers live, also those that are leaving and hold something.
async fn share_partitions(shared: &Shared, readings: &[Arc<Reading>], shared_at: &mut Option<Instant>) {
    if shared.settings.partitions == 0 {
        return;
    }
    let is_due = shared_at.is_none_or(|at| at.elapsed() >= shared.settings.lease / 4);
    if is_due {
        *shared_at = Some(Instant::now());
    }
    let mut ask = Pipeline::new();
    for reading in readings {
        ask.add_command(reading.ask_version());
    }
    // An error is told by what comes next.
    let versions = shared.work.run("look at the shares", &ask).await.unwrap_or_default();
    for (at, reading) in readings.iter().enumerate() {
        let version = versions.get(at).and_then(|answer| count(answer.as_ref().ok()?));
        let must_look = is_due || reading.is_outdated(version) || !reading.can_give_up().is_empty();
        if must_look && let Err(error) = reading.share(0).await {
            shared.report(Some(reading.group()), error);
        }
    }
}

/// Looks once; after how long the next message is due.
async fn tick(shared: &Shared, readings: &[Arc<Reading>]) -> Result<Option<Duration>, CommandError> {
    const ACTION: &str = "look for messages that are due";
    let mut pipeline = Pipeline::new();
    let streams = shared.keys.streams.iter().map(String::as_str);
    let mut publish = call(&script::MOVE, &std::iter::once(&*shared.keys.delayed).chain(streams).collect::<Vec<_>>());
    publish.arg(shared.settings.max_len);
    pipeline.add_command(publish);
    for reading in readings {
        for stream in reading.ownership.owned() {
            pipeline.add_command(reading.streams[stream].tick());
        }
    }
    let mut next: Option<Duration> = None;
    for answer in shared.work.run(ACTION, &pipeline).await? {
        let millis = match answer {
            Ok(value) => int(&value).ok_or(CommandError::Answer { action: ACTION })?,
            // A group that has vanished is made again by its reader.
            Err(error) if error.code() == "NOGROUP" => continue,
            Err(error) => return Err(CommandError::refused(ACTION, &error)),
        };
        if let Ok(millis) = u64::try_from(millis) {
            let due = Duration::from_millis(millis);
            next = Some(next.map_or(due, |next| next.min(due)));
        }
    }
    Ok(next)
}
