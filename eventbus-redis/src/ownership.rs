//! Partitions and their owners: each partition of a group has one reader at a time, so that the order within a key is kept.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{Cmd, Value};
use tokio::{sync::Notify, time::Instant};

use crate::{
    error::CommandError,
    reading::Reading,
    reply::{count, into_list},
    script::{self, call},
};

const ACTION: &str = "share the partitions";

/// Which partitions a source owns.
pub(crate) struct Ownership {
    state: Mutex<OwnershipState>,
    /// One asks the server at a time, so that answers are noted in their order.
    asking: tokio::sync::Mutex<()>,
    /// The reader has to begin another read.
    pub(crate) changed: Notify,
}

struct OwnershipState {
    /// Until when the server takes this consumer for alive.
    until: Instant,
    partitions: Vec<Partition>,
    /// Of the shares that were last seen.
    version: Option<u64>,
}

/// What a source knows of a partition.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each of them changes by itself")]
struct Partition {
    is_own: bool,
    /// To be given up when nothing of it is leased.
    is_surplus: bool,
    /// What its former owner has left was not taken over yet.
    must_adopt: bool,
    /// The reader is reading it.
    is_read: bool,
}

impl OwnershipState {
    /// Whether the server takes this consumer for alive, for so long at least.
    fn is_alive(&self, time: Duration) -> bool {
        Instant::now() + time < self.until
    }
}

impl Partition {
    fn is_active(self) -> bool {
        self.is_own && !self.is_surplus && !self.must_adopt
    }
}

impl Ownership {
    pub(crate) fn new(partitions: usize) -> Self {
        let state =
            OwnershipState { until: Instant::now(), partitions: vec![Partition::default(); partitions], version: None };
        Self { state: Mutex::new(state), asking: tokio::sync::Mutex::new(()), changed: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, OwnershipState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, is_wanted: impl Fn(&Partition) -> bool) -> Vec<usize> {
        let state = self.state();
        let wanted = state.partitions.iter().enumerate().filter(|(_, partition)| is_wanted(partition));
        wanted.map(|(at, _)| at + 1).collect()
    }

    /// The streams that may be read now by a read of this length: the main one, and the partitions that are own for so long. None
    /// of them is given up before [`end_read`](Self::end_read).
    pub(crate) fn begin_read(&self, length: Duration) -> Vec<usize> {
        let mut state = self.state();
        let is_alive = state.is_alive(length);
        for partition in &mut state.partitions {
            partition.is_read = is_alive && partition.is_active();
        }
        drop(state);
        self.streams(|partition| partition.is_read)
    }

    pub(crate) fn end_read(&self) {
        self.state().partitions.iter_mut().for_each(|partition| partition.is_read = false);
    }

    /// The main stream, and these partitions.
    fn streams(&self, is_wanted: impl Fn(&Partition) -> bool) -> Vec<usize> {
        std::iter::once(0).chain(self.find(is_wanted)).collect()
    }

    /// The streams whose deliveries are looked after.
    pub(crate) fn owned(&self) -> Vec<usize> {
        self.streams(|partition| partition.is_own)
    }

    /// Whether something of a stream may be leased now.
    pub(crate) fn is_active(&self, stream: usize) -> bool {
        let state = self.state();
        stream == 0 || state.is_alive(Duration::ZERO) && state.partitions[stream - 1].is_active()
    }

    /// The partitions whose former owner's deliveries are to be taken over. None of them is given up before
    /// [`end_read`](Self::end_read), though nothing of it is leased yet.
    pub(crate) fn begin_adoption(&self) -> Vec<usize> {
        let mut state = self.state();
        for partition in &mut state.partitions {
            partition.is_read = partition.must_adopt && !partition.is_surplus;
        }
        drop(state);
        self.find(|partition| partition.is_read)
    }

    pub(crate) fn adopted(&self, stream: usize) {
        self.state().partitions[stream - 1].must_adopt = false;
    }

    /// Whether some of a former owner's deliveries are yet to be taken over.
    pub(crate) fn is_adopting(&self) -> bool {
        self.state().partitions.iter().any(|partition| partition.must_adopt)
    }

    pub(crate) fn has_partitions(&self) -> bool {
        !self.state().partitions.is_empty()
    }
}

impl Reading {
    /// Whether a partition waits for nothing but to be given up.
    pub(crate) fn can_give_up(&self) -> Vec<usize> {
        let is_leaving = self.ended.is_cancelled();
        let given_up = self
            .ownership
            .find(|partition| partition.is_own && (is_leaving || partition.is_surplus) && !partition.is_read);
        given_up.into_iter().filter(|stream| !self.holds(*stream)).collect()
    }

    /// The command that asks for the version of the shares.
    pub(crate) fn ask_version(&self) -> Cmd {
        let mut ask = redis::cmd("HGET");
        ask.arg(&self.streams[0].keys.info).arg("version");
        ask
    }

    /// Whether the shares have changed since this source has looked.
    pub(crate) fn is_outdated(&self, version: Option<u64>) -> bool {
        version != self.ownership.state().version
    }

    /// Tells the server that this consumer lives, or leaves; gives up what it can, and takes its share. `hops` more readers are
    /// asked to look, too.
    pub(crate) async fn share(&self, hops: u64) -> Result<(), CommandError> {
        if !self.ownership.has_partitions() {
            return Ok(());
        }
        let _turn = self.ownership.asking.lock().await;
        let is_leaving = self.ended.is_cancelled();
        let given_up = self.can_give_up();
        let keys = &self.streams[0].keys;
        let mut own = call(&script::OWN, &[&keys.members, &keys.owners, &keys.wake, &keys.info, &keys.removed]);
        own.arg(&*keys.group).arg(&self.consumer).arg(self.shared.lease_millis()).arg(self.streams.len() - 1);
        own.arg(is_leaving).arg(hops).arg(&given_up);
        let began_at = Instant::now();
        let answer = self.shared.work.run_one(ACTION, own).await?;
        let mut answer = into_list(answer).into_iter();
        let mut next = || numbers(&into_list(answer.next().unwrap_or(Value::Nil)));
        let (mine, surplus) = (next(), next());
        let version = answer.next().as_ref().and_then(count);
        let (mut lost, mut has_changed) = (Vec::new(), false);
        {
            let mut state = self.ownership.state();
            state.until = began_at + self.shared.settings.lease;
            state.version = version;
            for (at, partition) in state.partitions.iter_mut().enumerate() {
                let stream = at + 1;
                let (is_own, is_surplus) = (mine.contains(&stream), surplus.contains(&stream));
                has_changed |= (is_own, is_surplus) != (partition.is_own, partition.is_surplus);
                if partition.is_own && !is_own && !given_up.contains(&stream) {
                    lost.push(stream);
                }
                partition.must_adopt = is_own && (partition.must_adopt || !partition.is_own);
                (partition.is_own, partition.is_surplus) = (is_own, is_surplus);
            }
        }
        for stream in lost {
            self.forget(stream);
        }
        if has_changed {
            self.ownership.changed.notify_one();
        }
        Ok(())
    }
}

fn numbers(list: &[Value]) -> Vec<usize> {
    list.iter().filter_map(count).filter_map(|number| usize::try_from(number).ok()).collect()
}
