//! The reader task of a source. It has a connection of its own, since a read that waits holds up whatever is sent behind it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use eventbus_core::{Leased, Settlement};
use redis::{Cmd, Value};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep, timeout},
};

use crate::{
    entry::{self, EntryId},
    error::CommandError,
    found::{Found, into_streams, wake_of},
    lease::{Held, Lease},
    link::{Link, LinkLimits},
    reading::Reading,
    recovery::FIRST,
    reply::{int, into_list},
};

const READ: &str = "read the stream";

/// How often a reader is asked to end its wait.
const UNBLOCK_EVERY: Duration = Duration::from_millis(20);

/// How many unwanted entries are passed over at once.
const MAX_PASSING: usize = 256;

/// Ends when the task ends, however it does.
struct ReaderEnd(Arc<Reading>);

impl Drop for ReaderEnd {
    fn drop(&mut self) {
        self.0.ended.cancel();
    }
}

/// While it lives, an answer with leases may be on its way.
pub(crate) struct Asking<'r>(&'r Reading);

impl<'r> Asking<'r> {
    pub(crate) fn new(reading: &'r Reading) -> Self {
        reading.asking.fetch_add(1, Ordering::AcqRel);
        Self(reading)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, Ordering::AcqRel);
    }
}

pub(crate) struct Reader {
    pub(crate) reading: Arc<Reading>,
    link: Link,
    /// The connection that was last used, as the server knows it.
    pub(crate) client: Option<i64>,
    /// An answer may have been lost.
    pub(crate) must_recover: bool,
    /// How many entries are read at once, at least, while all of them are unwanted.
    passing: usize,
    pub(crate) streams: Vec<StreamProgress>,
    /// Allows this process one suspect (T27): held while the reader looks for one, and then as long as that is out.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
    /// Suspects were left, for lack of a permit.
    pub(crate) leaves_suspects: bool,
}

/// How far the reader is in a stream.
pub(crate) struct StreamProgress {
    /// The last entry that was read: what was handed out behind it was in an answer that was lost.
    pub(crate) seen: EntryId,
    /// Where the search for leases that have run out goes on.
    pub(crate) cursor: String,
    pub(crate) claim_at: Instant,
    /// There may be more of them: no wait for new entries is to last longer than until `claim_at`.
    pub(crate) is_searching: bool,
}

/// Reads until the source closes, then gives back what nobody has taken.
pub(crate) async fn run(reading: Arc<Reading>, seen: Vec<EntryId>) {
    let ended = ReaderEnd(Arc::clone(&reading));
    let shared = &reading.shared;
    let limits = LinkLimits { answer: shared.settings.limits.answer + shared.settings.block, ..shared.settings.limits };
    let progress =
        |seen| StreamProgress { seen, cursor: FIRST.to_owned(), claim_at: Instant::now(), is_searching: false };
    let mut reader = Reader {
        reading: Arc::clone(&reading),
        link: Link::new(shared.client.clone(), limits, Arc::clone(&shared.health)),
        client: None,
        must_recover: false,
        passing: 0,
        streams: seen.into_iter().map(progress).collect(),
        permit: None,
        leaves_suspects: false,
    };
    while !reading.closing.is_cancelled() {
        let wanted = reading.wanted.notified();
        let demand = reading.demand();
        if demand == 0 {
            // A group that asks for nothing keeps no suspect of another one.
            reader.permit = None;
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
            shared.report(Some(reading.group()), unsettled.error);
        }
    }
    drop(ended);
    reading.leave().await;
}

impl Reader {
    /// Gets up to `max` leases from where they are: what comes again, what has run out, what is new.
    async fn read(&mut self, max: usize) -> Result<(), CommandError> {
        let reading = Arc::clone(&self.reading);
        let mut result = self.read_old(max).await;
        // What was found may have been taken by now: then nobody waits for more, which others could handle.
        if result.is_ok() && reading.demand() > 0 {
            result = self.read_new(max).await;
        }
        reading.ownership.end_read();
        result
    }

    /// Gets what was handed out before.
    async fn read_old(&mut self, max: usize) -> Result<(), CommandError> {
        let reading = Arc::clone(&self.reading);
        let _asking = Asking::new(&reading);
        self.permit = self.permit.take().or_else(|| Arc::clone(&reading.shared.suspects).try_acquire_owned().ok());
        if self.permit.is_some() && std::mem::take(&mut self.leaves_suspects) {
            for (progress, stream) in self.streams.iter_mut().zip(&reading.streams) {
                progress.claim_at = Instant::now();
                stream.came_back.store(true, Ordering::Release);
            }
        }
        let result = self.read_each(max).await;
        // Unless a suspect has it: another reader may have found one.
        self.permit = None;
        result
    }

    /// Gets what was handed out before, of each stream.
    async fn read_each(&mut self, max: usize) -> Result<(), CommandError> {
        let reading = Arc::clone(&self.reading);
        if self.must_recover {
            self.recover().await?;
        }
        for stream in reading.ownership.begin_adoption() {
            self.adopt(stream).await?;
        }
        for stream in reading.ownership.begin_read(Duration::ZERO) {
            if reading.streams[stream].came_back.swap(false, Ordering::AcqRel) {
                self.take(stream, max, Vec::new()).await?;
            }
            if self.streams[stream].claim_at <= Instant::now() {
                let claimed = self.claim(stream, max).await?;
                self.accept(stream, claimed).await?;
            }
        }
        Ok(())
    }

    /// Waits for new entries, and for what comes again.
    async fn read_new(&mut self, max: usize) -> Result<(), CommandError> {
        self.identify().await?;
        let reading = Arc::clone(&self.reading);
        let block = reading.shared.block();
        let streams = reading.ownership.begin_read(block);
        let mut read = redis::cmd("XREADGROUP");
        // The count is for each stream. What is read beyond `max` is of partitions, which nobody else could read; or of a stream
        // in which the group has found nothing to want for a while.
        let count = max.max(self.passing);
        read.arg("GROUP").arg(&**reading.group()).arg(&reading.consumer).arg("COUNT").arg(count);
        let wait = self.wait_for_new(&streams, block);
        read.arg("BLOCK").arg(wait.as_millis().max(1).to_string()).arg("STREAMS");
        for stream in &streams {
            let keys = &reading.streams[*stream].keys;
            read.arg(&keys.wake).arg(&keys.stream);
        }
        for _ in &streams {
            read.arg(">").arg(">");
        }
        let mut answer = into_streams(self.unblocking(read).await?);
        let _asking = Asking::new(&reading);
        let (mut result, mut hops) = (Ok(()), None);
        for stream in streams {
            let keys = &reading.streams[stream].keys;
            // Taken out, not copied: a copy costs an allocation for each name and each value.
            let mut of = |wanted: &str| {
                let found = answer.iter_mut().find(|(key, _)| key == wanted.as_bytes());
                found.map(|(_, entries)| into_list(std::mem::replace(entries, Value::Nil)))
            };
            let wakes: Vec<_> = of(&keys.wake).into_iter().flatten().filter_map(wake_of).collect();
            let entries = of(&keys.stream);
            hops = hops.max(wakes.iter().filter_map(|wake| wake.hops).max());
            if !wakes.is_empty() {
                let ids = wakes.into_iter().map(|wake| wake.id).collect();
                result = result.and(self.take(stream, max, ids).await);
            }
            // Whatever went wrong: these are leased, and nobody else knows of them.
            if let Some(entries) = entries {
                let found = entries.into_iter().filter_map(Found::new).collect();
                result = result.and(self.accept(stream, found).await);
            }
        }
        reading.ownership.end_read();
        if let Some(hops) = hops {
            result = result.and(reading.share(hops.saturating_sub(1)).await);
            if result.is_ok() && !reading.can_give_up().is_empty() {
                result = reading.share(0).await;
            }
        }
        result
    }

    /// How long a read of these streams waits: not beyond the next look for leases that have run out, where more of them may be left.
    fn wait_for_new(&self, streams: &[usize], block: Duration) -> Duration {
        let searching = streams.iter().map(|stream| &self.streams[*stream]).filter(|progress| progress.is_searching);
        searching.map(|progress| progress.claim_at.saturating_duration_since(Instant::now())).fold(block, Duration::min)
    }

    /// Asks the server for the connection's id, by which its waits are ended.
    async fn identify(&mut self) -> Result<(), CommandError> {
        if self.client.is_some() && self.link.is_connected() {
            return Ok(());
        }
        let mut ask = redis::pipe();
        // By its name it is known again: after the server's restart another connection may have its id.
        ask.cmd("CLIENT").arg("SETNAME").arg(&self.reading.consumer);
        ask.cmd("CLIENT").arg("ID");
        let mut answers = self.link.run(READ, &ask).await?;
        // A user who may not ask waits at a stop until the read ends.
        self.client = answers.pop().and_then(|id| int(&id.ok()?));
        Ok(())
    }

    /// Runs the read. A close ends its wait; so do partitions that come or go, and a permit for a suspect that was left.
    async fn unblocking(&mut self, read: Cmd) -> Result<Value, CommandError> {
        let reading = &self.reading;
        let mut answer = std::pin::pin!(self.link.run_one(READ, read));
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = reading.closing.cancelled() => {}
            () = reading.ownership.changed.notified() => {}
            Ok(permit) = Arc::clone(&reading.shared.suspects).acquire_owned(), if self.leaves_suspects => {
                self.permit = Some(permit);
            }
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

    /// Leases entries to the bus; those that the group does not want are acknowledged and counted.
    pub(crate) async fn accept(&mut self, stream: usize, found: Vec<Found>) -> Result<(), CommandError> {
        let count = found.len();
        let unwanted = self.lease(stream, found, |reading, leased| reading.deliver(leased, false));
        if count > 0 {
            self.passing = if unwanted.len() == count { (count * 2).min(MAX_PASSING) } else { 0 };
        }
        self.skip(stream, unwanted).await
    }

    /// Makes leases of entries; the ids of those that the group does not want.
    pub(crate) fn lease(
        &mut self,
        stream: usize,
        found: Vec<Found>,
        deliver: impl FnOnce(&Reading, Vec<Leased>),
    ) -> Vec<String> {
        let keys = &self.reading.streams[stream].keys;
        let (mut leased, mut unwanted) = (Vec::with_capacity(found.len()), Vec::new());
        for Found { id, deliveries, fields } in found {
            let seen = &mut self.streams[stream].seen;
            *seen = id.max(*seen);
            let message = entry::read(&keys.stream, Some(id), &fields);
            if !self.reading.wants.includes(&message) {
                unwanted.push(id.to_string());
                continue;
            }
            let lease = Lease { stream, held: Held::Entry(id), deliveries };
            if let Some(permit) = self.permit.take_if(|_| lease.is_of_suspect()) {
                self.reading.hold_suspect(lease.id(), permit);
            }
            leased.push(Leased::new(message, lease.id()).with_deliveries(deliveries));
        }
        deliver(&self.reading, leased);
        unwanted
    }

    pub(crate) async fn skip(&self, stream: usize, unwanted: Vec<String>) -> Result<(), CommandError> {
        if unwanted.is_empty() {
            return Ok(());
        }
        let keys = &self.reading.streams[stream].keys;
        let mut skip = redis::pipe();
        skip.cmd("XACK").arg(&keys.stream).arg(&*keys.group).arg(&unwanted);
        skip.cmd("HINCRBY").arg(&keys.info).arg("skipped").arg(unwanted.len());
        // Not acknowledged, they run out and are passed over again.
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
}
