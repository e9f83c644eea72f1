//! What a source shares with its reader task: what has been read, what is held, which partitions are its own.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use eventbus_core::{BoxError, LeaseId, Leased, Read, Settlement, Wants};
use redis::Cmd;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    entry::EntryId,
    error::CommandError,
    lease::{Held, Lease},
    names::GroupKeys,
    ownership::Ownership,
    reply::{count, into_list},
    script::{self, call},
    shared::Shared,
};

/// How many leases are extended by one call of the script.
const EXTENDED_AT_ONCE: usize = 256;

pub(crate) struct Reading {
    pub(crate) shared: Arc<Shared>,
    pub(crate) consumer: String,
    pub(crate) wants: Wants,
    /// One for each stream: the main one, then the partitions.
    pub(crate) streams: Vec<GroupStream>,
    pub(crate) ownership: Ownership,
    buffer: Mutex<ReadBuffer>,
    /// The reader has something for `next`.
    arrived: Notify,
    /// `next` wants something of the reader.
    pub(crate) wanted: Notify,
    /// How many answers with leases are on their way, besides that of the read that waits.
    pub(crate) asking: AtomicUsize,
    /// The source is to stop.
    pub(crate) closing: CancellationToken,
    /// The reader task has ended, and has given back what it had.
    pub(crate) ended: CancellationToken,
}

/// A group on one of the streams.
pub(crate) struct GroupStream {
    pub(crate) keys: GroupKeys,
    /// Where the group is to begin if it has to be made again.
    pub(crate) start: EntryId,
    /// Something was given back here: it comes before what is new.
    pub(crate) came_back: AtomicBool,
}

/// What the reader has read.
#[derive(Default)]
struct ReadBuffer {
    leased: VecDeque<Leased>,
    /// How many `next` asks for.
    wanted: usize,
    error: Option<BoxError>,
    /// The group was removed.
    is_over: bool,
    /// What is leased, for each stream. What the server has handed out besides is in an answer on its way.
    held: Vec<HashSet<Held>>,
    /// Leased entries that were trimmed. Nobody else can get them, so they are settled without the stream.
    trimmed: HashSet<LeaseId>,
    /// The suspect that is out.
    suspect: Option<Suspect>,
}

/// A lease of a suspect: of a message that may be what ends the processes that handle it (T27).
struct Suspect {
    lease: LeaseId,
    /// From then on nobody has it, unless it is extended before.
    until: Instant,
    /// Allows the process one suspect at a time; dropped when the lease ends.
    _permit: OwnedSemaphorePermit,
}

impl Reading {
    pub(crate) fn new(shared: Arc<Shared>, wants: Wants, streams: Vec<GroupStream>) -> Self {
        let consumer = shared.consumer();
        let held = streams.iter().map(|_| HashSet::new()).collect();
        Self {
            consumer,
            wants,
            ownership: Ownership::new(streams.len() - 1),
            streams,
            shared,
            buffer: Mutex::new(ReadBuffer { held, ..ReadBuffer::default() }),
            arrived: Notify::new(),
            wanted: Notify::new(),
            asking: AtomicUsize::new(0),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }

    pub(crate) fn group(&self) -> &Arc<str> {
        &self.streams[0].keys.group
    }

    fn buffer(&self) -> MutexGuard<'_, ReadBuffer> {
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
        for lease in leased.iter().filter_map(|one| Lease::parse(one.lease())) {
            buffer.held[lease.stream].insert(lease.held);
        }
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

    /// Notes that leases have ended.
    pub(crate) fn release<'a>(&self, leases: impl Iterator<Item = &'a LeaseId>) {
        let mut buffer = self.buffer();
        for id in leases {
            buffer.suspect.take_if(|suspect| suspect.lease == *id);
            buffer.trimmed.remove(id);
            if let Some(lease) = Lease::parse(id)
                && let Some(held) = buffer.held.get_mut(lease.stream)
            {
                held.remove(&lease.held);
            }
        }
    }

    /// Notes that a suspect is about to be handed to `next`.
    pub(crate) fn hold_suspect(&self, lease: LeaseId, permit: OwnedSemaphorePermit) {
        let until = Instant::now() + self.shared.settings.lease;
        self.buffer().suspect = Some(Suspect { lease, until, _permit: permit });
    }

    /// Gives the permit of a suspect back that the bus has dropped without being able to settle it.
    pub(crate) fn forget_overdue_suspect(&self) {
        self.buffer().suspect.take_if(|suspect| suspect.until < Instant::now());
    }

    /// Whether anything of a stream is leased.
    pub(crate) fn holds(&self, stream: usize) -> bool {
        !self.buffer().held[stream].is_empty()
    }

    /// Forgets a partition that another consumer owns by now.
    pub(crate) fn forget(&self, stream: usize) {
        let mut buffer = self.buffer();
        buffer.held[stream].clear();
        let is_of_it = |id: &LeaseId| Lease::parse(id).is_some_and(|lease| lease.stream == stream);
        buffer.leased.retain(|one| !is_of_it(one.lease()));
        buffer.suspect.take_if(|suspect| is_of_it(&suspect.lease));
    }

    /// How many messages wait though the server has handed them out, `pending` entries of a stream to this consumer: the bus has
    /// not got them yet.
    pub(crate) fn on_their_way(&self, stream: usize, pending: u64) -> u64 {
        let buffer = self.buffer();
        let entries = buffer.held[stream].iter().filter(|held| matches!(held, Held::Entry(_))).count();
        pending.saturating_sub(entries as u64)
    }

    /// How many messages the bus can have without asking the server; and 1 if the server is being asked.
    pub(crate) fn read_ahead(&self) -> u64 {
        let asking = self.asking.load(Ordering::Acquire);
        (self.buffer().leased.len() + asking) as u64
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
        let has_come_back = |(at, stream): (usize, &GroupStream)| {
            stream.came_back.load(Ordering::Acquire) && self.ownership.is_active(at)
        };
        let came_back = self.streams.iter().enumerate().any(has_come_back);
        if !buffer.leased.is_empty() && !came_back {
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

    pub(crate) async fn next(&self, max: usize, into: &mut Vec<Leased>) -> Result<Read, BoxError> {
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
            let mut buffer = self.buffer();
            if let Some(suspect) = buffer.suspect.as_mut().filter(|suspect| leases.contains(&suspect.lease)) {
                suspect.until = Instant::now() + self.shared.settings.lease;
            }
            for id in leases {
                match Lease::parse(&id) {
                    // Kept by nobody but this process.
                    _ if buffer.trimmed.contains(&id) => {}
                    Some(lease) if lease.stream < self.streams.len() => known.push((id, lease)),
                    _ => lost.push(id),
                }
            }
        }
        known.sort_by_key(|(_, lease)| lease.stream);
        let of_streams = known.chunk_by(|(_, one), (_, other)| one.stream == other.stream);
        let chunks: Vec<_> = of_streams.flat_map(|of_stream| of_stream.chunks(EXTENDED_AT_ONCE)).collect();
        let mut pipeline = redis::pipe();
        for chunk in &chunks {
            let keys = &self.streams[chunk[0].1.stream].keys;
            let mut extend = call(&script::EXTEND, &[&keys.stream, &keys.leased, &keys.counts]);
            extend.arg(&*keys.group).arg(&self.consumer).arg(self.shared.lease_millis());
            for (_, lease) in *chunk {
                extend.arg(lease.held.to_string()).arg(lease.deliveries);
            }
            pipeline.add_command(extend);
        }
        let answers = self.shared.work.run(ACTION, &pipeline).await?;
        for (chunk, answer) in chunks.into_iter().zip(answers) {
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
            Err(error) => self.shared.report(Some(self.group()), error),
        }
    }

    /// Gives a suspect back that `next` has not taken, with what was read of its stream: others of this process may wait for their
    /// turn (T27), and who does not ask now may not ask for long.
    pub(crate) async fn give_suspect_back(self: &Arc<Self>) {
        let mut given = {
            let ReadBuffer { leased, suspect, .. } = &mut *self.buffer();
            let is_suspect = |one: &&Leased| suspect.as_ref().is_some_and(|suspect| suspect.lease == *one.lease());
            let stream_of = |one: &Leased| Lease::parse(one.lease()).map(|lease| lease.stream);
            let Some(stream) = leased.iter().find(is_suspect).map(stream_of) else { return };
            let (given, kept): (Vec<_>, Vec<_>) =
                std::mem::take(leased).into_iter().partition(|one| stream_of(one) == stream);
            *leased = kept.into();
            given
        };
        for leased in &mut given {
            leased.settle_as(Settlement::Release);
        }
        for unsettled in self.settle(given).await {
            self.shared.report(Some(self.group()), unsettled.error);
        }
    }

    pub(crate) fn is_trimmed(&self, id: &LeaseId) -> bool {
        self.buffer().trimmed.contains(id)
    }
}

impl GroupStream {
    pub(crate) fn new(keys: GroupKeys, start: EntryId) -> Self {
        Self { keys, start, came_back: AtomicBool::new(true) }
    }

    /// The command of the background task.
    pub(crate) fn tick(&self) -> Cmd {
        let keys = &self.keys;
        let mut tick =
            call(&script::TICK, &[&keys.stream, &keys.queue, &keys.leased, &keys.wake, &keys.info, &keys.counts]);
        tick.arg(&*keys.group);
        tick
    }
}
