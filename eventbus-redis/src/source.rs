//! One consumer's end of a group.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventbus_core::{Answer, BoxError, BoxFuture, LeaseId, Leased, Read, Source, Unsettled, Wants};
use redis::Cmd;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    entry::EntryId,
    error::{CommandError, over},
    lease::Lease,
    names::GroupKeys,
    reader,
    reply::{count, into_list},
    script::{self, call},
    shared::Shared,
};

/// How many leases are extended by one call of the script.
const EXTENDED_AT_ONCE: usize = 256;

/// What a source shares with its reader task.
pub(crate) struct Reading {
    pub(crate) shared: Arc<Shared>,
    pub(crate) keys: GroupKeys,
    pub(crate) consumer: String,
    pub(crate) wants: Wants,
    /// Where the group is to begin if it has to be made again.
    pub(crate) start: EntryId,
    buffer: Mutex<Buffer>,
    /// The reader has something for `next`.
    arrived: Notify,
    /// `next` wants something of the reader.
    pub(crate) wanted: Notify,
    /// How many answers with leases are on their way, besides that of the read that waits.
    pub(crate) asking: AtomicUsize,
    /// Something was given back here: it comes before what is new.
    pub(crate) came_back: AtomicBool,
    /// The source is to stop.
    pub(crate) closing: CancellationToken,
    /// The reader task has ended, and has given back what it had.
    pub(crate) ended: CancellationToken,
}

/// What the reader has read.
#[derive(Default)]
struct Buffer {
    leased: VecDeque<Leased>,
    /// How many `next` asks for.
    wanted: usize,
    error: Option<BoxError>,
    /// The group was removed.
    is_over: bool,
    /// Leased entries: what the server has handed out besides is in an answer on its way.
    held: HashSet<EntryId>,
    /// Leased entries that were trimmed. Nobody else can get them, so they are settled without the stream.
    trimmed: HashSet<LeaseId>,
}

impl Reading {
    pub(crate) fn new(shared: Arc<Shared>, keys: GroupKeys, wants: Wants, start: EntryId) -> Self {
        let consumer = shared.consumer();
        Self {
            shared,
            keys,
            consumer,
            wants,
            start,
            buffer: Mutex::default(),
            arrived: Notify::new(),
            wanted: Notify::new(),
            asking: AtomicUsize::new(0),
            came_back: AtomicBool::new(true),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many leases are asked for; 0 while an error has not been taken.
    pub(crate) fn demand(&self) -> usize {
        let buffer = self.buffer();
        if buffer.error.is_some() { 0 } else { buffer.wanted }
    }

    /// Hands leases to `next`: in front of what is there if they come again, else behind it.
    pub(crate) fn deliver(&self, leased: Vec<Leased>, in_front: bool) {
        let mut buffer = self.buffer();
        if in_front {
            for one in leased.into_iter().rev() {
                buffer.leased.push_front(one);
            }
        } else {
            buffer.leased.extend(leased);
        }
        if !buffer.leased.is_empty() {
            buffer.wanted = 0;
        }
        drop(buffer);
        self.arrived.notify_one();
    }

    /// Notes entries that were leased.
    pub(crate) fn hold(&self, ids: impl Iterator<Item = EntryId>) {
        self.buffer().held.extend(ids);
    }

    /// Notes that leases have ended.
    pub(crate) fn release<'a>(&self, leases: impl Iterator<Item = &'a LeaseId>) {
        let mut buffer = self.buffer();
        for id in leases {
            buffer.trimmed.remove(id);
            if let Some(entry) = Lease::parse(id).and_then(|lease| lease.entry()) {
                buffer.held.remove(&entry);
            }
        }
    }

    /// How many messages wait though the server has handed them out, `pending` entries to this consumer: `next` has not given
    /// them to the bus yet.
    pub(crate) fn on_their_way(&self, pending: u64) -> u64 {
        let asking = self.asking.load(Ordering::Acquire);
        let buffer = self.buffer();
        pending.saturating_sub(buffer.held.len() as u64) + (buffer.leased.len() + asking) as u64
    }

    /// Whether something is there for `next`.
    pub(crate) fn has_leased(&self) -> bool {
        !self.buffer().leased.is_empty()
    }

    pub(crate) fn fail(&self, error: impl Into<BoxError>) {
        let mut buffer = self.buffer();
        buffer.error = Some(error.into());
        buffer.wanted = 0;
        drop(buffer);
        self.arrived.notify_one();
    }

    /// The group was removed: nothing comes any more.
    pub(crate) fn end(&self) {
        self.buffer().is_over = true;
        self.arrived.notify_one();
    }

    /// All that `next` has not taken.
    pub(crate) fn take_all(&self) -> Vec<Leased> {
        std::mem::take(&mut self.buffer().leased).into()
    }

    /// What `next` can answer at once.
    fn take(&self, max: usize, into: &mut Vec<Leased>) -> Option<Result<Read, BoxError>> {
        let mut buffer = self.buffer();
        if self.closing.is_cancelled() {
            return Some(Ok(Read::Closed));
        }
        if !buffer.leased.is_empty() && !self.came_back.load(Ordering::Acquire) {
            let count = buffer.leased.len().min(max);
            into.extend(buffer.leased.drain(..count));
            return Some(Ok(Read::Batch));
        }
        if let Some(error) = buffer.error.take() {
            return Some(Err(error));
        }
        if buffer.is_over {
            return Some(Ok(Read::Closed));
        }
        buffer.wanted = max;
        None
    }

    async fn next(&self, max: usize, into: &mut Vec<Leased>) -> Result<Read, BoxError> {
        if max == 0 {
            return Ok(Read::Batch);
        }
        loop {
            // Before it looks, so that nothing is missed in between.
            let mut arrived = std::pin::pin!(self.arrived.notified());
            arrived.as_mut().enable();
            if let Some(answer) = self.take(max, into) {
                return answer;
            }
            self.wanted.notify_one();
            tokio::select! {
                () = arrived => {}
                () = self.closing.cancelled() => {}
                () = self.ended.cancelled() => return Ok(Read::Closed),
            }
        }
    }

    /// Extends leases; those that are lost.
    pub(crate) async fn extend(&self, leases: Vec<LeaseId>) -> Result<Vec<LeaseId>, CommandError> {
        const ACTION: &str = "extend leases";
        let (mut lost, mut known) = (Vec::new(), Vec::new());
        {
            let buffer = self.buffer();
            for id in leases {
                match Lease::parse(&id) {
                    // Kept by nobody but this process.
                    _ if buffer.trimmed.contains(&id) => {}
                    Some(lease) => known.push((id, lease)),
                    None => lost.push(id),
                }
            }
        }
        let mut pipeline = redis::pipe();
        for chunk in known.chunks(EXTENDED_AT_ONCE) {
            let keys = &self.keys;
            let mut extend = call(&script::EXTEND, &[&keys.stream, &keys.leased, &keys.counts]);
            extend.arg(&*keys.group).arg(&self.consumer).arg(self.shared.lease_millis());
            for (_, lease) in chunk {
                extend.arg(lease.held.to_string()).arg(lease.deliveries);
            }
            pipeline.add_command(extend);
        }
        let answers = self.shared.work.run(ACTION, &pipeline).await?;
        for (chunk, answer) in known.chunks(EXTENDED_AT_ONCE).zip(answers) {
            let answer = answer.map_err(|error| CommandError::refused(ACTION, &error))?;
            let mut lists = into_list(answer).into_iter().map(into_list);
            let mut ids = || {
                let numbers = lists.next().unwrap_or_default();
                let number = |value: &redis::Value| count(value).and_then(|number| usize::try_from(number).ok());
                let ids = numbers.iter().filter_map(number).filter_map(|number| chunk.get(number));
                ids.map(|(id, _)| id.clone()).collect::<Vec<_>>()
            };
            lost.extend(ids());
            let trimmed = ids();
            if !trimmed.is_empty() {
                self.buffer().trimmed.extend(trimmed);
            }
        }
        self.release(lost.iter());
        Ok(lost)
    }

    /// Extends what `next` has not taken; drops what is lost.
    pub(crate) async fn extend_buffered(&self) {
        let ids: Vec<_> = self.buffer().leased.iter().map(|leased| leased.lease().clone()).collect();
        if ids.is_empty() {
            return;
        }
        match self.extend(ids).await {
            // Others have them by now.
            Ok(lost) => self.buffer().leased.retain(|leased| !lost.contains(leased.lease())),
            Err(error) => self.shared.report(Some(&self.keys.group), error),
        }
    }

    pub(crate) fn is_trimmed(&self, id: &LeaseId) -> bool {
        self.buffer().trimmed.contains(id)
    }

    /// The command of the background task.
    pub(crate) fn tick(&self) -> Cmd {
        let keys = &self.keys;
        let mut tick = call(&script::TICK, &[&keys.stream, &keys.queue, &keys.leased, &keys.wake, &keys.info]);
        tick.arg(&*keys.group);
        tick
    }
}

/// A source. Dropped, it stops reading, and gives back what it has read ahead.
pub(crate) struct RedisSource(Arc<Reading>);

impl RedisSource {
    pub(crate) fn start(reading: Reading, seen: EntryId) -> Self {
        let reading = Arc::new(reading);
        tokio::spawn(reader::run(Arc::clone(&reading), seen));
        Self(reading)
    }

    pub(crate) fn reading(&self) -> &Arc<Reading> {
        &self.0
    }

    /// How long closing lasts at most: a read that was not woken, and giving back.
    fn limit(&self) -> Duration {
        let settings = &self.0.shared.settings;
        settings.block + settings.limits.answer * 2
    }
}

impl Source for RedisSource {
    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        Box::pin(self.0.next(max, into))
    }

    fn settle(&self, batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        let reading = Arc::clone(&self.0);
        Box::pin(async move { reading.settle(batch).await })
    }

    fn extend(&self, leases: Vec<LeaseId>) -> Answer<'static, Vec<LeaseId>> {
        let reading = Arc::clone(&self.0);
        Box::pin(async move { Ok(reading.extend(leases).await?) })
    }

    fn close(&self) -> Answer<'_, ()> {
        self.0.closing.cancel();
        Box::pin(async move {
            let limit = self.limit();
            let ended = timeout(limit, self.0.ended.cancelled()).await;
            ended.map_err(|_| BoxError::from(format!("the reader has not ended: {}", over(limit))))
        })
    }
}

impl Drop for RedisSource {
    fn drop(&mut self) {
        self.0.closing.cancel();
    }
}
