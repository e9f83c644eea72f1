//! The reader task of a source. It has a connection of its own, since a read that waits holds up whatever is sent behind it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use eventbus_core::{Leased, Settlement};
use redis::{Cmd, Value};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    entry::{self, EntryId, fields_of},
    error::CommandError,
    lease::{Held, Lease},
    link::{Limits, Link},
    reply::{count, int, into_list, into_pairs, into_text},
    script::{self, call},
    source::Reading,
};

const READ: &str = "read the stream";

/// How often a reader is asked to end its wait.
const UNBLOCK_EVERY: Duration = Duration::from_millis(20);

/// How many entries an answer can hold that was lost.
const RECOVERED_AT_ONCE: usize = 1024;

/// Ends when the task ends, however it does.
struct Ended(Arc<Reading>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended.cancel();
    }
}

/// While it lives, an answer with leases may be on its way.
struct Asking<'r>(&'r Reading);

impl<'r> Asking<'r> {
    fn new(reading: &'r Reading) -> Self {
        reading.asking.fetch_add(1, Ordering::AcqRel);
        Self(reading)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Reader {
    reading: Arc<Reading>,
    link: Link,
    /// The connection that was last used, as the server knows it.
    client: Option<i64>,
    /// The last entry that was read: what was handed out behind it was in an answer that was lost.
    seen: EntryId,
    /// An answer may have been lost.
    must_recover: bool,
    /// Where the search for leases that have run out goes on.
    cursor: String,
    claim_at: Instant,
}

/// Reads until the source closes, then gives back what nobody has taken.
pub(crate) async fn run(reading: Arc<Reading>, seen: EntryId) {
    let ended = Ended(Arc::clone(&reading));
    let shared = &reading.shared;
    let settings = &shared.settings;
    let limits = Limits { connect: settings.limits.connect, answer: settings.limits.answer + settings.block };
    let mut reader = Reader {
        reading: Arc::clone(&reading),
        link: Link::new(shared.client.clone(), limits, Arc::clone(&shared.health)),
        client: None,
        seen,
        must_recover: false,
        cursor: "0-0".to_owned(),
        claim_at: Instant::now(),
    };
    while !reading.closing.is_cancelled() {
        let wanted = reading.wanted.notified();
        let demand = reading.demand();
        if demand == 0 {
            tokio::select! {
                () = wanted => {}
                () = reading.closing.cancelled() => {}
            }
            continue;
        }
        if let Err(error) = reader.read(demand).await {
            reader.failed(error).await;
        }
    }
    let mut left = reading.take_all();
    for leased in &mut left {
        leased.settle_as(Settlement::Release);
    }
    if !left.is_empty() {
        for unsettled in reading.settle(left).await {
            shared.report(Some(&reading.keys.group), unsettled.error);
        }
    }
    reading.leave().await;
    drop(ended);
}

impl Reader {
    /// Gets up to `max` leases from where they are: what comes again, what has run out, what is new.
    async fn read(&mut self, max: usize) -> Result<(), CommandError> {
        let reading = Arc::clone(&self.reading);
        let asking = Asking::new(&reading);
        if self.must_recover {
            self.recover().await?;
        }
        if self.reading.came_back.swap(false, Ordering::AcqRel) {
            let taken = self.take(max, Vec::new()).await;
            if taken.is_err() {
                self.reading.came_back.store(true, Ordering::Release);
            }
            self.reading.deliver(taken?, true);
        }
        if self.claim_at <= Instant::now() {
            let claimed = self.claim(max).await?;
            self.accept(claimed).await?;
        }
        if self.reading.has_leased() {
            self.reading.deliver(Vec::new(), false);
            return Ok(());
        }
        drop(asking);
        self.read_new(max).await
    }

    /// Reads what comes again.
    async fn take(&self, max: usize, wakes: Vec<String>) -> Result<Vec<Leased>, CommandError> {
        const ACTION: &str = "read what is delivered again";
        let keys = &self.reading.keys;
        let mut take = call(&script::TAKE, &[&keys.queue, &keys.leased, &keys.body, &keys.counts, &keys.wake]);
        take.arg(&*keys.group).arg(max).arg(self.reading.shared.lease_millis()).arg(wakes);
        let answer = self.reading.shared.work.run_one(ACTION, take).await?;
        let mut taken = Vec::new();
        for value in into_list(answer) {
            let mut parts = into_list(value).into_iter();
            let mut next = || parts.next().ok_or(CommandError::Answer { action: ACTION });
            let position = into_text(next()?).ok_or(CommandError::Answer { action: ACTION })?;
            let (deliveries, attempts) = (count_of(&next()?), count_of(&next()?));
            let message = entry::read(&keys.stream, None, &fields_of(next()?));
            let lease = Lease { held: Held::Position(position), deliveries };
            taken.push(Leased::new(message, lease.id()).with_attempts(attempts).with_deliveries(deliveries));
        }
        Ok(taken)
    }

    /// Takes over leases that have run out.
    async fn claim(&mut self, max: usize) -> Result<Vec<Found>, CommandError> {
        const ACTION: &str = "take over leases that have run out";
        let (keys, shared) = (&self.reading.keys, &self.reading.shared);
        let mut claim = call(&script::CLAIM, &[&keys.stream, &keys.wake, &keys.info]);
        claim.arg(&*keys.group).arg(&self.reading.consumer).arg(shared.lease_millis()).arg(max).arg(&self.cursor);
        let mut answer = into_list(shared.work.run_one(ACTION, claim).await?).into_iter();
        let cursor = answer.next().and_then(into_text).ok_or(CommandError::Answer { action: ACTION })?;
        // Through the whole list as fast as it is asked for, then not for a while.
        let pause = if cursor == "0-0" { shared.settings.lease / 4 } else { Duration::from_millis(50) };
        self.claim_at = Instant::now() + pause.mul_f64(0.8 + fastrand::f64() * 0.4);
        self.cursor = cursor;
        let claimed = into_list(answer.next().unwrap_or(Value::Nil));
        Ok(claimed.into_iter().filter_map(Found::of).collect())
    }

    /// Finds what was in an answer that was lost.
    async fn recover(&mut self) -> Result<(), CommandError> {
        let keys = &self.reading.keys;
        if let Some(client) = self.client.take() {
            // Half open, the old connection would still be handed entries. It may be gone, or this user not be allowed to.
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL").arg("ID").arg(client);
            let _ = self.reading.shared.work.run_one("end the old connection", kill).await;
        }
        let mut recover = call(&script::RECOVER, &[&keys.stream]);
        recover.arg(&*keys.group).arg(&self.reading.consumer).arg(self.seen.to_string()).arg(RECOVERED_AT_ONCE);
        let answer = self.reading.shared.work.run_one("find what was in a lost answer", recover).await?;
        let found: Vec<_> = into_list(answer).into_iter().filter_map(Found::of).collect();
        self.must_recover = false;
        self.accept(found).await
    }

    /// Waits for new entries, and for what comes again.
    async fn read_new(&mut self, max: usize) -> Result<(), CommandError> {
        if self.client.is_none() {
            let mut id = redis::cmd("CLIENT");
            id.arg("ID");
            self.client = int(&self.link.run_one(READ, id).await?);
        }
        let (keys, settings) = (&self.reading.keys, &self.reading.shared.settings);
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(&*keys.group).arg(&self.reading.consumer).arg("COUNT").arg(max);
        read.arg("BLOCK").arg(settings.block.as_millis().max(1).to_string());
        read.arg("STREAMS").arg(&keys.wake).arg(&keys.stream).arg(">").arg(">");
        let answer = self.unblocking(read).await?;
        let (mut wakes, mut found) = (Vec::new(), Vec::new());
        for (key, entries) in into_streams(answer) {
            if key == keys.wake.as_bytes() {
                wakes.extend(
                    into_list(entries).into_iter().filter_map(|entry| into_text(into_list(entry).into_iter().next()?)),
                );
            } else {
                found.extend(into_list(entries).into_iter().filter_map(Found::new));
            }
        }
        let came_back = if wakes.is_empty() {
            Vec::new()
        } else {
            let _asking = Asking::new(&self.reading);
            self.take(max, wakes).await?
        };
        self.reading.deliver(came_back, true);
        self.accept(found).await
    }

    /// Runs the read; a close ends its wait.
    async fn unblocking(&self, read: Cmd) -> Result<Value, CommandError> {
        let reading = &self.reading;
        let mut answer = std::pin::pin!(self.link.run_one(READ, read));
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = reading.closing.cancelled() => {}
        }
        loop {
            if let Some(client) = self.client {
                let mut unblock = redis::cmd("CLIENT");
                unblock.arg("UNBLOCK").arg(client);
                // Without it the read ends by itself.
                let _ = timeout(UNBLOCK_EVERY, reading.shared.work.run_one("end a read", unblock)).await;
            }
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = sleep(UNBLOCK_EVERY) => {}
            }
        }
    }

    /// Leases entries of the stream to the bus; those that the group does not want are acknowledged and counted.
    async fn accept(&mut self, found: Vec<Found>) -> Result<(), CommandError> {
        let keys = &self.reading.keys;
        let (mut leased, mut unwanted) = (Vec::with_capacity(found.len()), Vec::new());
        for Found { id, deliveries, fields } in found {
            self.seen = self.seen.max(id);
            let message = entry::read(&keys.stream, Some(id), &fields);
            if !self.reading.wants.includes(&message) {
                unwanted.push(id.to_string());
                continue;
            }
            let lease = Lease { held: Held::Entry(id), deliveries };
            leased.push(Leased::new(message, lease.id()).with_deliveries(deliveries));
        }
        self.reading.hold(leased.iter().filter_map(|one| Lease::parse(one.lease())).filter_map(|lease| lease.entry()));
        self.reading.deliver(leased, false);
        if unwanted.is_empty() {
            return Ok(());
        }
        let mut skip = redis::pipe();
        skip.cmd("XACK").arg(&keys.stream).arg(&*keys.group).arg(&unwanted);
        skip.cmd("HINCRBY").arg(&keys.info).arg("skipped").arg(unwanted.len());
        // Not settled, they run out and are passed over again.
        self.reading.shared.work.run("pass over unwanted entries", &skip).await.map(drop)
    }

    async fn failed(&mut self, error: CommandError) {
        if self.reading.closing.is_cancelled() {
            return;
        }
        let error = if error.is_no_group() {
            match self.reopen().await {
                Ok(error) => error,
                Err(error) => error.to_string(),
            }
        } else {
            if !matches!(error, CommandError::Refused { .. }) {
                self.must_recover = true;
            }
            error.to_string()
        };
        self.reading.fail(error);
    }

    /// Makes a group again that has vanished (T17); what to tell.
    async fn reopen(&mut self) -> Result<String, CommandError> {
        let reading = &self.reading;
        let (state, start) = reading.shared.open(&reading.keys, &reading.start.to_string(), true).await?.into_parts();
        if state == "removed" {
            reading.end();
            return Ok("the group was removed".to_owned());
        }
        self.seen = start;
        self.must_recover = false;
        "0-0".clone_into(&mut self.cursor);
        reading.came_back.store(true, Ordering::Release);
        Ok(format!("the group had vanished, and was made again from entry {start} on"))
    }
}

/// An entry that was handed out.
struct Found {
    id: EntryId,
    deliveries: u32,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Found {
    /// Of an answer to `XREADGROUP`: an id, and fields.
    fn new(value: Value) -> Option<Self> {
        let mut parts = into_list(value).into_iter();
        let id = EntryId::parse(&into_text(parts.next()?)?)?;
        Some(Self { id, deliveries: 1, fields: fields_of(parts.next()?) })
    }

    /// Of an answer of a script: an id, deliveries, and fields.
    fn of(value: Value) -> Option<Self> {
        let mut parts = into_list(value).into_iter();
        let id = EntryId::parse(&into_text(parts.next()?)?)?;
        let deliveries = count_of(&parts.next()?);
        Some(Self { id, deliveries, fields: fields_of(parts.next()?) })
    }
}

fn count_of(value: &Value) -> u32 {
    count(value).map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
}

/// The streams of an answer to `XREADGROUP`: a map, or a list of pairs.
fn into_streams(answer: Value) -> Vec<(Vec<u8>, Value)> {
    let pairs = match answer {
        Value::Map(_) => into_pairs(answer),
        other => into_list(other).into_iter().flat_map(into_pairs).collect(),
    };
    let with_key = |(key, entries)| Some((crate::reply::into_bytes(key)?, entries));
    pairs.into_iter().filter_map(with_key).collect()
}
