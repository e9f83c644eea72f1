//! Settling: one pipeline for a batch, with an answer for each lease.

use std::{
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use eventbus_core::{BoxError, Leased, Settlement, Unsettled};
use redis::{Cmd, Pipeline, ServerError};

use crate::{
    entry,
    error::CommandError,
    lease::{Held, Lease},
    letters,
    reading::Reading,
    reply::int,
    script::{self, call},
};

const ACTION: &str = "settle deliveries";

/// How many bytes the arguments of most acknowledgements have.
const ACK_BYTES: usize = 64;

impl Reading {
    /// Settles a batch; what could not be settled.
    pub(crate) async fn settle(self: &Arc<Self>, batch: Vec<Leased>) -> Vec<Unsettled> {
        let mut pipeline = Pipeline::with_capacity(batch.len());
        let (mut sent, mut unsettled) = (Vec::with_capacity(batch.len()), Vec::new());
        for leased in batch {
            match self.command(&leased) {
                Ok(command) => {
                    pipeline.add_command(command);
                    sent.push(leased);
                }
                Err((error, is_lost)) => unsettled.push(Unsettled { leased, is_lost, error }),
            }
        }
        if sent.is_empty() {
            return unsettled;
        }
        match self.shared.work.run(ACTION, &pipeline).await {
            Ok(answers) => {
                let answers: Vec<_> = answers.into_iter().map(|answer| answer.map(|value| int(&value))).collect();
                let noted: Vec<_> =
                    sent.iter().zip(&answers).map(|(leased, answer)| self.note_settled(leased, answer)).collect();
                let ended = sent.iter().zip(&answers).filter(|(_, answer)| matches!(answer, Ok(Some(0 | 1))));
                self.release(ended.map(|(leased, _)| leased.lease()));
                unsettled.extend(sent.into_iter().zip(noted).filter_map(|(leased, noted)| {
                    let (is_lost, error) = noted?;
                    Some(Unsettled { leased, is_lost, error })
                }));
                if self.ownership.is_adopting() {
                    // What comes next may have waited for these.
                    self.ownership.changed.notify_one();
                }
            }
            Err(error) => unsettled.extend(sent.into_iter().map(|leased| {
                let error = BoxError::from(error.clone());
                Unsettled { leased, is_lost: false, error }
            })),
        }
        // The answer does not wait for it; the close of the transport does.
        if self.ended.is_cancelled() {
            let reading = Arc::clone(self);
            self.shared.tasks.spawn(async move { reading.leave().await });
        } else if !self.can_give_up().is_empty() {
            let reading = Arc::clone(self);
            self.shared.tasks.spawn(async move {
                if let Err(error) = reading.share(0).await {
                    reading.shared.report(Some(reading.group()), error);
                }
            });
        }
        unsettled
    }

    /// Notes the answer for a lease; if it is not settled, whether it is lost, and why.
    fn note_settled(&self, leased: &Leased, answer: &Result<Option<i64>, ServerError>) -> Option<(bool, BoxError)> {
        match answer {
            Ok(Some(1)) => {
                match leased.settlement() {
                    Settlement::Done | Settlement::Dead { .. } => {}
                    Settlement::Again { after } if !after.is_zero() => self.shared.changed.notify_one(),
                    _ => {
                        if let Some(lease) = Lease::parse(leased.lease()) {
                            self.streams[lease.stream].came_back.store(true, Ordering::Release);
                        }
                        self.wanted.notify_one();
                    }
                }
                None
            }
            // An entry that was trimmed while its handler ran is settled by being forgotten.
            Ok(Some(0)) if *leased.settlement() == Settlement::Done && self.is_trimmed(leased.lease()) => None,
            Ok(Some(0)) => Some((true, "the lease had run out".into())),
            Ok(_) => Some((false, CommandError::Answer { action: ACTION }.into())),
            Err(error) => Some((false, CommandError::refused(ACTION, error).into())),
        }
    }

    /// The command that settles a lease; or why there is none, and whether the lease is lost.
    fn command(&self, leased: &Leased) -> Result<Cmd, (BoxError, bool)> {
        let lease = Lease::parse(leased.lease()).filter(|lease| lease.stream < self.streams.len());
        let lease = lease.ok_or_else(|| ("the lease is of another transport".into(), true))?;
        match &lease.held {
            Held::Entry(id) => self.settle_entry(leased, &lease, &id.to_string()),
            Held::Position(position) => self.settle_position(leased, &lease, position),
        }
        .map_err(|error| (error, false))
    }

    fn settle_entry(&self, leased: &Leased, lease: &Lease, id: &str) -> Result<Cmd, BoxError> {
        let keys = &self.streams[lease.stream].keys;
        let is_trimmed = *leased.settlement() != Settlement::Done && self.is_trimmed(leased.lease());
        Ok(match leased.settlement() {
            Settlement::Done => {
                let mut ack = Cmd::with_capacity(4, ACK_BYTES);
                ack.arg("XACK").arg(&keys.stream).arg(&*keys.group).arg(id);
                ack
            }
            Settlement::Dead { reason } => {
                let mut bury = call(&script::BURY, &[&keys.stream, &keys.dead]);
                bury.arg(&*keys.group).arg(&self.consumer).arg(id).arg(lease.deliveries).arg(is_trimmed);
                bury.arg(self.shared.settings.max_dead_letters);
                self.write_letter(leased, lease, reason, &mut bury)?;
                bury
            }
            other => {
                let stores = [&*keys.stream, &keys.queue, &keys.body, &keys.counts, &keys.wake];
                let mut give = call(&script::GIVE, &stores);
                give.arg(&*keys.group).arg(&self.consumer).arg(id).arg(lease.position()).arg(after(other));
                give.arg(lease.deliveries).arg(leased.attempts()).arg(is_trimmed);
                give.arg(u8::from(*other == Settlement::Release));
                entry::write(leased.message(), &mut give)?;
                give
            }
        })
    }

    fn settle_position(&self, leased: &Leased, lease: &Lease, position: &str) -> Result<Cmd, BoxError> {
        let keys = &self.streams[lease.stream].keys;
        let stores = [&*keys.queue, &keys.leased, &keys.body, &keys.counts, &keys.wake, &keys.dead];
        let mut settle = call(&script::SETTLE_REDELIVERED, &stores);
        let settlement = leased.settlement();
        let verb = match settlement {
            Settlement::Done => "done",
            Settlement::Dead { .. } => "dead",
            Settlement::Release => "release",
            _ => "again",
        };
        settle.arg(verb).arg(position).arg(lease.deliveries).arg(after(settlement)).arg(leased.attempts());
        settle.arg(self.shared.settings.max_dead_letters);
        if let Settlement::Dead { reason } = settlement {
            self.write_letter(leased, lease, reason, &mut settle)?;
        }
        Ok(settle)
    }

    fn write_letter(&self, leased: &Leased, lease: &Lease, reason: &str, command: &mut Cmd) -> Result<(), BoxError> {
        entry::write(leased.message(), command)?;
        letters::describe(command, self.group(), reason, leased.attempts(), SystemTime::now(), &lease.position());
        Ok(())
    }

    /// Removes the consumer from its group where nothing is pending for it, and gives up partitions.
    pub(crate) async fn leave(&self) {
        let mut leave = Pipeline::new();
        for stream in &self.streams {
            let keys = &stream.keys;
            let mut command = call(&script::LEAVE, &[&keys.stream, &keys.wake]);
            // Ten leases without a read: it has died, and its entries have been taken over.
            let dead = self.shared.lease_millis().max(60_000).saturating_mul(10);
            command.arg(&*keys.group).arg(&self.consumer).arg(dead);
            leave.add_command(command);
        }
        let left = self.shared.work.run("leave the group", &leave).await.map(drop);
        if let Err(error) = left.and(self.share(0).await) {
            self.shared.report(Some(self.group()), error);
        }
    }
}

/// How many milliseconds a message is to wait; 0 for none.
fn after(settlement: &Settlement) -> u64 {
    let Settlement::Again { after } = settlement else { return 0 };
    // Never early: a part of a millisecond counts as one.
    u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).min(u64::MAX >> 12)
}
