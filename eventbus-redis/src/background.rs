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
    reply::int,
    script::{self, call},
    shared::Shared,
    source::Reading,
};

/// It ends with its transport.
pub(crate) async fn run(transport: Weak<Shared>, closed: CancellationToken) {
    let mut last_error = None;
    let mut extended = Instant::now();
    loop {
        let Some(shared) = transport.upgrade() else { return };
        let poll = shared.settings.poll;
        let mut readings = shared.readings();
        readings.retain(|reading| !reading.closing.is_cancelled());
        if extended.elapsed() >= shared.settings.lease / 3 {
            extended = Instant::now();
            for reading in &readings {
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

/// Looks once; after how long the next message is due.
async fn tick(shared: &Shared, readings: &[Arc<Reading>]) -> Result<Option<Duration>, CommandError> {
    const ACTION: &str = "look for messages that are due";
    let mut pipeline = Pipeline::new();
    let mut publish = call(&script::MOVE, &[&shared.keys.delayed, &shared.keys.stream]);
    publish.arg(shared.settings.max_len);
    pipeline.add_command(publish);
    for reading in readings {
        pipeline.add_command(reading.tick());
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
