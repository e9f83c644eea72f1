//! The source of a mutant.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use eventbus::transport::{
    Answer, BoxFuture, GroupSpec, LeaseId, Leased, Read, Settlement, Source, Transport as _, Unsettled,
};

use super::{How, transport::Mutant};

pub(crate) struct MutantSource {
    inner: Arc<dyn Source>,
    mutant: Mutant,
    group: Arc<str>,
    is_closed: AtomicBool,
    has_ended: AtomicBool,
    /// Read ahead.
    ahead: Mutex<Vec<Leased>>,
}

impl MutantSource {
    pub(crate) fn new(inner: Arc<dyn Source>, mutant: Mutant, group: Arc<str>) -> Self {
        let (is_closed, has_ended, ahead) = Default::default();
        Self { inner, mutant, group, is_closed, has_ended, ahead }
    }

    fn how(&self) -> How {
        self.mutant.how
    }

    /// Only `next` is broken, and so `try_next` is not there.
    fn breaks_next(&self) -> bool {
        use How::{
            ClosesWhenEmpty, EndsAtErrors, HidesErrors, HoldsItsThread, KeepsWhatItReadAhead, LosesWithDroppedNext,
            StopsAtMalformed, WaitsForOtherGroups,
        };
        matches!(
            self.how(),
            ClosesWhenEmpty
                | EndsAtErrors
                | HidesErrors
                | HoldsItsThread
                | KeepsWhatItReadAhead
                | LosesWithDroppedNext
                | StopsAtMalformed
                | WaitsForOtherGroups
        )
    }

    fn max(&self, max: usize) -> usize {
        match self.how() {
            How::HandsOutMoreThanMax if max > 0 => max + 1,
            How::LeasesTwice => max.div_ceil(2),
            _ => max,
        }
    }

    /// Changes what has been read.
    fn distort(&self, from: usize, into: &mut Vec<Leased>, max: usize) {
        let read = into.split_off(from);
        for leased in &read {
            self.mutant.shared.out().entry(Arc::clone(&self.group)).or_default().push(leased.message().clone());
        }
        for leased in read {
            let copy = Leased::new(leased.message().clone(), leased.lease().clone()).with_attempts(leased.attempts());
            let deliveries = leased.deliveries();
            into.push(match self.how() {
                How::CountsDeliveriesTwice => leased.with_deliveries(deliveries * 2),
                How::ForgetsAttempts => leased.with_attempts(0),
                How::ExtendsForEver => {
                    self.extend_for_ever(leased.lease().clone());
                    leased
                }
                _ => leased,
            });
            if self.how() == How::LeasesTwice && into.len() - from < max {
                into.push(copy);
            }
        }
    }

    fn extend_for_ever(&self, lease: LeaseId) {
        let source = Arc::clone(&self.inner);
        tokio::spawn(async move {
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(5) {
                tokio::time::sleep(Duration::from_millis(200)).await;
                let _ = source.extend(vec![lease.clone()]).await;
            }
        });
    }

    async fn read(&self, max: usize, into: &mut Vec<Leased>) -> Result<Read, eventbus::BoxError> {
        let from = into.len();
        match self.how() {
            How::ClosesWhenEmpty => {
                self.inner.try_next(max, into);
                if into.len() == from {
                    return Ok(Read::Closed);
                }
                return Ok(Read::Batch);
            }
            How::LosesWithDroppedNext => {
                let mut own = Vec::new();
                let read = self.inner.next(max, &mut own).await;
                tokio::task::yield_now().await;
                into.append(&mut own);
                return read;
            }
            How::HoldsItsThread => {
                let began = Instant::now();
                while into.len() == from && began.elapsed() < Duration::from_secs(20) {
                    self.inner.try_next(max, into);
                    std::thread::sleep(Duration::from_millis(1));
                }
                return Ok(Read::Batch);
            }
            How::WaitsForOtherGroups => {
                let others =
                    || self.mutant.shared.out().iter().any(|(name, out)| *name != self.group && !out.is_empty());
                // As long as nobody else is at work.
                loop {
                    while others() {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    if self.inner.try_next(1, into) != Some(Read::Batch) {
                        return Ok(Read::Closed);
                    }
                    if into.len() > from {
                        return Ok(Read::Batch);
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            How::KeepsWhatItReadAhead => {
                if self.is_closed.load(Ordering::SeqCst) {
                    return Ok(Read::Closed);
                }
                let mut ahead = std::mem::take(&mut *self.ahead.lock().unwrap_or_else(PoisonError::into_inner));
                let read = if ahead.is_empty() { self.inner.next(max + 5, &mut ahead).await? } else { Read::Batch };
                into.extend(ahead.drain(..max.min(ahead.len())));
                *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = ahead;
                return Ok(read);
            }
            How::SuspectsNothing => {
                // A source of its own for each read knows nothing of what the others have out.
                let source = self.mutant.inner.subscribe(GroupSpec::new(&self.group)).await?;
                return source.next(max, into).await;
            }
            How::EndsAtErrors if self.has_ended.load(Ordering::SeqCst) => return std::future::pending().await,
            How::HidesErrors => loop {
                match self.inner.next(max, into).await {
                    Err(_) => tokio::task::yield_now().await,
                    read => return read,
                }
            },
            _ => {}
        }
        let read = self.inner.next(self.max(max), into).await;
        match self.how() {
            How::EndsAtErrors if read.is_err() => self.has_ended.store(true, Ordering::SeqCst),
            How::StopsAtMalformed if into[from..].iter().any(|leased| leased.message().is_malformed()) => {
                into.truncate(from);
                return Err("it cannot be read".into());
            }
            _ => {}
        }
        read
    }

    /// Changes how leases end; `None` is dropped, and lost.
    fn ends(&self, batch: &mut Vec<Leased>) {
        let how = self.how();
        if how == How::DropsSettlementsAfterClose && self.is_closed.load(Ordering::SeqCst) {
            batch.clear();
        }
        for leased in &mut *batch {
            let mut out = self.mutant.shared.out();
            let out = out.entry(Arc::clone(&self.group)).or_default();
            out.retain(|message| message.id() != leased.message().id());
            let end = leased.settlement().clone();
            leased.settle_as(match (how, end) {
                (How::HandsOutDoneAgain, Settlement::Done) => Settlement::Release,
                (How::ForgetsWhatIsGivenBack, Settlement::Release | Settlement::Again { .. })
                | (How::LosesLetters, Settlement::Dead { .. }) => Settlement::Done,
                (How::IgnoresAfter, Settlement::Again { .. }) => Settlement::Again { after: Duration::ZERO },
                (_, end) => end,
            });
        }
        for at in 0..batch.len() {
            if *batch[at].settlement() != Settlement::Release {
                continue;
            }
            match how {
                How::CountsReleases => {
                    let leased = batch.remove(at);
                    let attempts = leased.attempts() + 1;
                    let mut counted = leased.with_attempts(attempts);
                    counted.settle_as(Settlement::Again { after: Duration::ZERO });
                    batch.insert(at, counted);
                }
                How::GivesBackToTheEnd => {
                    let mut slot = [Some(batch[at].message().clone())];
                    let _ = self.mutant.inner.try_publish(&mut slot);
                    batch[at].settle_as(Settlement::Done);
                }
                _ => {}
            }
        }
    }
}

impl Source for MutantSource {
    fn try_next(&self, max: usize, into: &mut Vec<Leased>) -> Option<Read> {
        if self.breaks_next() {
            return None;
        }
        let from = into.len();
        let read = self.inner.try_next(self.max(max), into);
        self.distort(from, into, max);
        read
    }

    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        Box::pin(async move {
            let from = into.len();
            let read = self.read(max, into).await;
            self.distort(from, into, max);
            read
        })
    }

    fn try_settle(&self, batch: &mut Vec<Leased>) -> bool {
        if self.how() == How::TriesNoSettling {
            return false;
        }
        self.ends(batch);
        self.inner.try_settle(batch)
    }

    fn settle(&self, mut batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        self.ends(&mut batch);
        let (inner, how) = (Arc::clone(&self.inner), self.how());
        Box::pin(async move {
            let copies: Vec<_> = batch.iter().map(|one| (one.message().clone(), one.lease().clone())).collect();
            let mut unsettled = inner.settle(batch).await;
            if how == How::LosesNeighbours && !unsettled.is_empty() {
                let lost = |(message, lease)| Unsettled {
                    leased: Leased::new(message, lease),
                    is_lost: true,
                    error: "one of the batch had run out".into(),
                };
                unsettled = copies.into_iter().map(lost).collect();
            }
            unsettled
        })
    }

    fn extend(&self, leases: Vec<LeaseId>) -> Answer<'static, Vec<LeaseId>> {
        if self.how() == How::ExtendsNothing {
            return Box::pin(async { Ok(Vec::new()) });
        }
        self.inner.extend(leases)
    }

    fn close(&self) -> Answer<'_, ()> {
        if self.how() == How::ForgetsClose {
            return Box::pin(async { Ok(()) });
        }
        self.is_closed.store(true, Ordering::SeqCst);
        Box::pin(async {
            match self.how() {
                How::RemovesGroupsOnClose => {
                    let _ = self.mutant.inner.remove_group(&self.group).await;
                }
                How::TakesLeasesAwayOnClose => {
                    let out = self.mutant.shared.out().remove(&self.group).unwrap_or_default();
                    for message in out {
                        let _ = self.mutant.inner.redeliver(&self.group, message).await;
                    }
                }
                _ => {}
            }
            self.inner.close().await
        })
    }
}
