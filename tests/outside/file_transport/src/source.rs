//! A consumer's end of a group.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use eventbus::{BoxError, transport::{Answer, BoxFuture, LeaseId, Leased, Read, Settlement, Source, Unsettled}};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{Shared, line::Line, state::State};

pub(crate) struct FileSource {
    shared: Arc<Shared>,
    group: Arc<str>,
    wakes: Arc<Notify>,
    is_closed: AtomicBool,
}

impl FileSource {
    pub(crate) fn new(shared: Arc<Shared>, group: Arc<str>, wakes: Arc<Notify>) -> Self {
        Self { shared, group, wakes, is_closed: AtomicBool::new(false) }
    }

    /// Leases what is there; or when to look again.
    fn lease(&self, max: usize, into: &mut Vec<Leased>) -> Result<Read, Option<Instant>> {
        let mut state = self.shared.state();
        let State { log, groups, is_closed, .. } = &mut *state;
        let Some(group) = groups.get_mut(&*self.group).filter(|_| !*is_closed) else { return Ok(Read::Closed) };
        if self.is_closed.load(Ordering::Acquire) {
            return Ok(Read::Closed);
        }
        let numbers = group.find(log, max);
        if numbers.is_empty() {
            return Err(group.next_due());
        }
        for number in numbers {
            self.shared.note(&mut state, Line::Leased { group: self.group.to_string(), number });
            let Some(entry) = state.groups.get(&*self.group).and_then(|group| group.leased.get(&number)) else {
                continue;
            };
            let leased = Leased::new(state.log[number].clone(), LeaseId::new(&number.to_string()));
            into.push(leased.with_attempts(entry.attempts).with_deliveries(entry.deliveries));
        }
        Ok(Read::Batch)
    }

    fn settle_one(&self, state: &mut State, leased: &Leased) -> Result<(), BoxError> {
        let (group, number) = (self.group.to_string(), leased.lease().as_str().parse()?);
        let attempts = leased.attempts();
        match leased.settlement() {
            Settlement::Done => self.shared.note(state, Line::Done { group, number }),
            Settlement::Again { after } => {
                self.shared.note(state, Line::Again { group, number, attempts });
                state.delay(&self.group, number, *after);
            }
            Settlement::Dead { reason } => {
                let (reason, failed_at) = (reason.to_string(), SystemTime::now());
                self.shared.note(state, Line::Dead { group, number, attempts, reason, failed_at });
            }
            // Not tried, or something new: it comes again.
            _ => self.shared.note(state, Line::Again { group, number, attempts }),
        }
        Ok(())
    }
}

impl Source for FileSource {
    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        Box::pin(async move {
            loop {
                let mut woken = std::pin::pin!(self.wakes.notified());
                // Before it looks, so that nothing is missed in between.
                woken.as_mut().enable();
                let due = match self.lease(max, into) {
                    Ok(read) => return Ok(read),
                    Err(due) => due,
                };
                let is_due = async {
                    match due {
                        Some(due) => sleep_until(due).await,
                        None => pending().await,
                    }
                };
                tokio::select! {
                    () = woken => {}
                    () = is_due => {}
                }
            }
        })
    }

    fn try_settle(&self, batch: &mut Vec<Leased>) -> bool {
        let mut state = self.shared.state();
        // Its numbers are this transport's own.
        batch.retain(|leased| self.settle_one(&mut state, leased).is_err());
        batch.is_empty()
    }

    fn settle(&self, mut batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        self.try_settle(&mut batch);
        let unsettled = |leased| Unsettled { leased, is_lost: true, error: "this lease is of another source".into() };
        Box::pin(std::future::ready(batch.into_iter().map(unsettled).collect()))
    }

    fn close(&self) -> Answer<'_, ()> {
        self.is_closed.store(true, Ordering::Release);
        self.wakes.notify_waiters();
        Box::pin(std::future::ready(Ok(())))
    }
}
