//! What a reader gets besides new entries: what comes again, what others have left, what was in a lost answer.

use std::{sync::atomic::Ordering, time::Duration};

use eventbus_core::Leased;
use redis::Value;
use tokio::time::Instant;

use crate::{
    entry::{self, fields_of},
    error::CommandError,
    found::{Found, count_of},
    lease::{Held, Lease, SUSPECT},
    reader::Reader,
    reply::{int, into_list, into_text},
    script::{self, call},
};

/// How many entries an answer can hold that was lost.
const RECOVERED_AT_ONCE: usize = 1024;

/// How many leases of a former owner are taken over at once.
const ADOPTED_AT_ONCE: usize = 256;

/// When the search for leases that have run out goes on behind suspects that stay.
const SEARCH_ON: Duration = Duration::from_millis(50);

const ADOPT: &str = "take over a partition";

/// Where a look at the pending entries begins, and what tells that it has reached the end.
pub(crate) const FIRST: &str = "-";

impl Reader {
    /// Reads what comes again, in front of what is there.
    pub(crate) async fn take(&mut self, stream: usize, max: usize, wakes: Vec<String>) -> Result<(), CommandError> {
        match self.taken(stream, max, wakes).await {
            Ok(taken) => {
                self.reading.deliver(taken, true);
                Ok(())
            }
            Err(error) => {
                self.reading.streams[stream].came_back.store(true, Ordering::Release);
                Err(error)
            }
        }
    }

    async fn taken(&mut self, stream: usize, max: usize, wakes: Vec<String>) -> Result<Vec<Leased>, CommandError> {
        const ACTION: &str = "read what is delivered again";
        let keys = &self.reading.streams[stream].keys;
        let mut take = call(&script::TAKE, &[&keys.queue, &keys.leased, &keys.body, &keys.counts, &keys.wake]);
        take.arg(&*keys.group).arg(max).arg(self.reading.shared.lease_millis()).arg(self.permit.is_some()).arg(wakes);
        let mut answer = into_list(self.reading.shared.work.run_one(ACTION, take).await?).into_iter();
        let taken = into_list(answer.next().unwrap_or(Value::Nil));
        self.leaves_suspects |= answer.next().as_ref().and_then(int) == Some(1);
        self.lease_positions(stream, taken).ok_or(CommandError::Answer { action: ACTION })
    }

    /// Makes leases of what was handed out of a queue.
    fn lease_positions(&mut self, stream: usize, taken: Vec<Value>) -> Option<Vec<Leased>> {
        let keys = &self.reading.streams[stream].keys;
        let mut leased = Vec::with_capacity(taken.len());
        for value in taken {
            let mut parts = into_list(value).into_iter();
            let position = into_text(parts.next()?)?;
            let mut next = || parts.next().as_ref().map(count_of);
            let (deliveries, attempts, untried, expired) = (next()?, next()?, next()?, next()?);
            let message = entry::read(&keys.stream, None, &fields_of(parts.next()?));
            let lease = Lease { stream, held: Held::Position(position), deliveries };
            if let Some(permit) = self.permit.take_if(|_| expired >= SUSPECT) {
                self.reading.hold_suspect(lease.id(), permit);
            }
            // The lease goes by all hand-outs; a delivery that was given back untried is none that came to no end.
            let deliveries = deliveries.saturating_sub(untried);
            leased.push(Leased::new(message, lease.id()).with_attempts(attempts).with_deliveries(deliveries));
        }
        Some(leased)
    }

    /// Takes over leases that have run out.
    pub(crate) async fn claim(&mut self, stream: usize, max: usize) -> Result<Vec<Found>, CommandError> {
        const ACTION: &str = "take over leases that have run out";
        let (keys, shared) = (&self.reading.streams[stream].keys, &self.reading.shared);
        let progress = &mut self.streams[stream];
        let mut claim = call(&script::CLAIM, &[&keys.stream, &keys.wake, &keys.info]);
        claim.arg(&*keys.group).arg(&self.reading.consumer).arg(shared.lease_millis()).arg(max);
        claim.arg(&progress.cursor).arg(self.permit.is_some());
        let mut answer = into_list(shared.work.run_one(ACTION, claim).await?).into_iter();
        let cursor = answer.next().and_then(into_text).ok_or(CommandError::Answer { action: ACTION })?;
        let claimed: Vec<_> =
            into_list(answer.next().unwrap_or(Value::Nil)).into_iter().filter_map(Found::of_script).collect();
        self.leaves_suspects |= answer.next().as_ref().and_then(int) == Some(1);
        let is_end = cursor == FIRST;
        let has_suspect = claimed.iter().any(|found| found.deliveries > SUSPECT);
        // A suspect that may be taken, and was not among the last ones, may be among the first.
        let begins_anew = is_end && progress.cursor != FIRST && self.permit.is_some() && !has_suspect;
        progress.is_searching = begins_anew || !is_end;
        // Through the whole list as fast as it is asked for, then not for a while.
        let pause = if !progress.is_searching {
            shared.settings.lease / 4
        } else if claimed.is_empty() && !begins_anew {
            SEARCH_ON
        } else {
            Duration::ZERO
        };
        progress.claim_at = Instant::now() + pause.mul_f64(0.8 + fastrand::f64() * 0.4);
        progress.cursor = cursor;
        Ok(claimed)
    }

    /// Takes over what the former owner of a partition has left, in its old order. It comes before what is new: until all of it has
    /// been handed out the partition is not read. In front of a suspect that means: until all before it is settled.
    pub(crate) async fn adopt(&mut self, stream: usize) -> Result<(), CommandError> {
        let (mut adopted, mut unwanted) = (Vec::new(), Vec::new());
        let mut from = FIRST.to_owned();
        let result = loop {
            let holds_nothing = adopted.is_empty() && !self.reading.holds(stream);
            let answer = match self.adopt_some(stream, &from, holds_nothing).await {
                Ok(answer) => answer,
                Err(error) => break Err(error),
            };
            let mut answer = into_list(answer).into_iter();
            let (next, claimed) = (answer.next().and_then(into_text), answer.next().unwrap_or(Value::Nil));
            let claimed = into_list(claimed).into_iter().filter_map(Found::of_script).collect();
            unwanted.extend(self.lease(stream, claimed, |_, leased| adopted.extend(leased)));
            let taken = self.lease_positions(stream, into_list(answer.next().unwrap_or(Value::Nil)));
            let (Some(next), Some(taken)) = (next, taken) else { break Err(CommandError::Answer { action: ADOPT }) };
            adopted.extend(taken);
            match &*next {
                FIRST => {
                    self.reading.ownership.adopted(stream);
                    // Its queue may hold more.
                    self.reading.streams[stream].came_back.store(true, Ordering::Release);
                    break Ok(());
                }
                "blocked" => {
                    self.leaves_suspects |= self.permit.is_none();
                    break Ok(());
                }
                _ => from = next,
            }
        };
        let position = |one: &Leased| Lease::parse(one.lease()).map(|lease| lease.position());
        adopted.sort_by_cached_key(position);
        self.reading.deliver(adopted, false);
        result.and(self.skip(stream, unwanted).await)
    }

    async fn adopt_some(&self, stream: usize, from: &str, holds_nothing: bool) -> Result<Value, CommandError> {
        let keys = &self.reading.streams[stream].keys;
        let stores = [&*keys.stream, &keys.queue, &keys.leased, &keys.body, &keys.counts, &keys.info];
        let mut adopt = call(&script::ADOPT, &stores);
        adopt.arg(&*keys.group).arg(&self.reading.consumer).arg(self.reading.shared.lease_millis());
        adopt.arg(ADOPTED_AT_ONCE).arg(from).arg(holds_nothing).arg(self.permit.is_some());
        self.reading.shared.work.run_one(ADOPT, adopt).await
    }

    /// Finds what was in an answer that was lost.
    pub(crate) async fn recover(&mut self) -> Result<(), CommandError> {
        if let Some(client) = self.client.take() {
            self.end_connection(client).await;
        }
        for stream in self.reading.ownership.begin_read(Duration::ZERO) {
            let keys = &self.reading.streams[stream].keys;
            let mut recover = call(&script::RECOVER, &[&keys.stream]);
            recover.arg(&*keys.group).arg(&self.reading.consumer);
            recover.arg(self.streams[stream].seen.to_string()).arg(RECOVERED_AT_ONCE);
            let answer = self.reading.shared.work.run_one("find what was in a lost answer", recover).await?;
            let found = into_list(answer).into_iter().filter_map(Found::of_script).collect();
            self.accept(stream, found).await?;
        }
        self.must_recover = false;
        Ok(())
    }

    /// Ends the connection whose answer was lost: half open, it would still be handed entries. It may be gone already, or this user
    /// not be allowed to.
    async fn end_connection(&self, client: i64) {
        const ACTION: &str = "end the old connection";
        let (work, consumer) = (&self.reading.shared.work, &self.reading.consumer);
        let mut list = redis::cmd("CLIENT");
        list.arg("LIST").arg("ID").arg(client);
        let listed = work.run_one(ACTION, list).await.ok().and_then(into_text).unwrap_or_default();
        if listed.contains(&format!(" name={consumer} ")) {
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL").arg("ID").arg(client);
            let _ = work.run_one(ACTION, kill).await;
        }
    }

    /// Makes a group again that has vanished (T17); what to tell.
    pub(crate) async fn reopen(&mut self) -> Result<String, CommandError> {
        let reading = &self.reading;
        let streams = reading.streams.iter().map(|stream| (&stream.keys, stream.start.to_string()));
        let opened = reading.shared.open(&streams.collect::<Vec<_>>(), true).await?;
        let mut made = Vec::new();
        for ((progress, stream), opened) in self.streams.iter_mut().zip(&reading.streams).zip(opened) {
            if opened.is_removed() {
                reading.end();
                return Ok("the group was removed".to_owned());
            }
            if opened.is_made() {
                made.push(format!("`{}` from entry {} on", stream.keys.stream, opened.start));
                progress.seen = opened.start;
                FIRST.clone_into(&mut progress.cursor);
            }
            stream.came_back.store(true, Ordering::Release);
        }
        let what = if made.is_empty() { "by another process".to_owned() } else { format!("for {}", made.join(", ")) };
        Ok(format!("the group had vanished, and was made again {what}"))
    }
}
