//! What a reader gets besides new entries: what comes again, what others have left, what was in a lost answer.

use std::{sync::atomic::Ordering, time::Duration};

use eventbus_core::Leased;
use redis::Value;
use tokio::time::Instant;

use crate::{
    entry::{self, fields_of},
    error::CommandError,
    found::{Found, count_of},
    lease::{Held, Lease},
    reader::Reader,
    reply::{into_list, into_text},
    script::{self, call},
};

/// How many entries an answer can hold that was lost.
const RECOVERED_AT_ONCE: usize = 1024;

/// How many leases of a former owner are taken over at once.
const ADOPTED_AT_ONCE: usize = 256;

const FIRST: &str = "0-0";

impl Reader {
    /// Reads what comes again, in front of what is there.
    pub(crate) async fn take(&self, stream: usize, max: usize, wakes: Vec<String>) -> Result<(), CommandError> {
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

    async fn taken(&self, stream: usize, max: usize, wakes: Vec<String>) -> Result<Vec<Leased>, CommandError> {
        const ACTION: &str = "read what is delivered again";
        let keys = &self.reading.streams[stream].keys;
        let mut take = call(&script::TAKE, &[&keys.queue, &keys.leased, &keys.body, &keys.counts, &keys.wake]);
        take.arg(&*keys.group).arg(max).arg(self.reading.shared.lease_millis()).arg(wakes);
        let answer = self.reading.shared.work.run_one(ACTION, take).await?;
        let mut taken = Vec::new();
        for value in into_list(answer) {
            let mut parts = into_list(value).into_iter();
            let mut next = || parts.next().ok_or(CommandError::Answer { action: ACTION });
            let position = into_text(next()?).ok_or(CommandError::Answer { action: ACTION })?;
            let (deliveries, attempts, untried) = (count_of(&next()?), count_of(&next()?), count_of(&next()?));
            let message = entry::read(&keys.stream, None, &fields_of(next()?));
            let lease = Lease { stream, held: Held::Position(position), deliveries };
            // The lease goes by all hand-outs; a delivery that was given back untried is none that came to no end.
            let deliveries = deliveries.saturating_sub(untried);
            taken.push(Leased::new(message, lease.id()).with_attempts(attempts).with_deliveries(deliveries));
        }
        Ok(taken)
    }

    /// Takes over leases that are this old.
    pub(crate) async fn claim(&mut self, stream: usize, max: usize, idle: u64) -> Result<Vec<Found>, CommandError> {
        const ACTION: &str = "take over leases that have run out";
        let (keys, shared) = (&self.reading.streams[stream].keys, &self.reading.shared);
        let progress = &mut self.streams[stream];
        let mut claim = call(&script::CLAIM, &[&keys.stream, &keys.wake, &keys.info]);
        claim.arg(&*keys.group).arg(&self.reading.consumer).arg(idle).arg(max).arg(&progress.cursor);
        let mut answer = into_list(shared.work.run_one(ACTION, claim).await?).into_iter();
        let cursor = answer.next().and_then(into_text).ok_or(CommandError::Answer { action: ACTION })?;
        // Through the whole list as fast as it is asked for, then not for a while.
        let pause = if cursor == FIRST { shared.settings.lease / 4 } else { Duration::from_millis(50) };
        progress.claim_at = Instant::now() + pause.mul_f64(0.8 + fastrand::f64() * 0.4);
        progress.cursor = cursor;
        let claimed = into_list(answer.next().unwrap_or(Value::Nil));
        Ok(claimed.into_iter().filter_map(Found::of_script).collect())
    }

    /// Takes over what the former owner of a partition has left. It comes before what is new, in its old order.
    pub(crate) async fn adopt(&mut self, stream: usize) -> Result<(), CommandError> {
        const ACTION: &str = "take over a partition";
        let keys = &self.reading.streams[stream].keys;
        let adopt = call(&script::ADOPT, &[&keys.queue, &keys.leased]);
        self.reading.shared.work.run_one(ACTION, adopt).await?;
        let (mut adopted, mut unwanted) = (Vec::new(), Vec::new());
        FIRST.clone_into(&mut self.streams[stream].cursor);
        let result = loop {
            match self.claim(stream, ADOPTED_AT_ONCE, 0).await {
                Ok(claimed) => unwanted.extend(self.lease(stream, claimed, |_, leased| adopted.extend(leased))),
                Err(error) => break Err(error),
            }
            if self.streams[stream].cursor == FIRST {
                break Ok(());
            }
        };
        let result = match (result, self.taken(stream, ADOPTED_AT_ONCE, Vec::new()).await) {
            (Ok(()), Ok(taken)) => {
                adopted.extend(taken);
                self.reading.ownership.adopted(stream);
                // Its queue may hold more.
                self.reading.streams[stream].came_back.store(adopted.len() >= ADOPTED_AT_ONCE, Ordering::Release);
                Ok(())
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        let position = |one: &Leased| Lease::parse(one.lease()).map(|lease| lease.position());
        adopted.sort_by_cached_key(position);
        self.reading.deliver(adopted, false);
        result.and(self.skip(stream, unwanted).await)
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
