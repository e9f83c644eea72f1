//! Reading from a source with a bound, without dropping a `next` that may lease (B12).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventbus::{
    BoxError,
    transport::{Leased, Read, Settlement, Source},
};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    Limits,
    lab::{ended, unsettled},
    messages::numbers,
    outcome::{Checked, broken, ensure},
};

pub(crate) struct TestReader {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) limits: Limits,
    /// A `next` that has not answered yet, and its `max`.
    waiting: Option<(usize, JoinHandle<Answered>)>,
}

/// What a `next` has appended, and its answer.
type Answered = (Vec<Leased>, Result<Read, BoxError>);

/// What came of waiting for a while.
#[derive(Debug)]
pub(crate) enum ReadStep {
    /// No answer.
    Nothing,
    Got(Vec<Leased>),
    Closed,
    Failed(String),
}

impl TestReader {
    pub(crate) fn new(source: Arc<dyn Source>, limits: Limits) -> Self {
        Self { source, limits, waiting: None }
    }

    /// Waits for the answer to one `next`: the one that is under way, or another with this `max`.
    pub(crate) async fn step(&mut self, max: usize, wait: Duration) -> Checked<ReadStep> {
        let (max, waiting) = self.waiting.get_or_insert_with(|| {
            let source = Arc::clone(&self.source);
            let next = async move {
                let mut into = Vec::new();
                let read = source.next(max, &mut into).await;
                (into, read)
            };
            (max, tokio::spawn(next))
        });
        let max = *max;
        let Ok(answered) = timeout(wait, waiting).await else { return Ok(ReadStep::Nothing) };
        self.waiting = None;
        let (leased, read) = answered.map_err(|error| broken("T31", "`next` does not panic", error.to_string()))?;
        ensure(leased.len() <= max, "T13", format!("at most {max} messages"), leased.len())?;
        Ok(match read {
            Err(error) if leased.is_empty() => ReadStep::Failed(error.to_string()),
            Ok(Read::Closed) if leased.is_empty() => ReadStep::Closed,
            _ => ReadStep::Got(leased),
        })
    }

    /// Leases exactly `count` messages; `clause` is broken if they do not come.
    pub(crate) async fn take(&mut self, count: usize, clause: &str) -> Checked<Vec<Leased>> {
        self.take_within(count, self.limits.patience, clause).await
    }

    pub(crate) async fn take_within(&mut self, count: usize, wait: Duration, clause: &str) -> Checked<Vec<Leased>> {
        let (began, mut taken, mut error) = (Instant::now(), Vec::new(), String::new());
        while taken.len() < count {
            let left = wait.saturating_sub(began.elapsed());
            let Some(leased) = self.some(count - taken.len(), left, &mut error).await? else {
                let seen = format!("after {wait:?}: {:?} {error}", numbers(&taken));
                return Err(broken(clause, format!("{count} messages"), seen));
            };
            taken.extend(leased);
        }
        Ok(taken)
    }

    /// Leases up to `max` messages, one at least; `None` if none has come in time. `error` holds the last error of `next`.
    async fn some(&mut self, max: usize, wait: Duration, error: &mut String) -> Checked<Option<Vec<Leased>>> {
        let began = Instant::now();
        loop {
            let left = wait.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            match self.step(max, left).await? {
                // An empty one is not waited for without a pause.
                ReadStep::Got(leased) if leased.is_empty() => tokio::time::sleep(Duration::from_millis(1)).await,
                ReadStep::Got(leased) => return Ok(Some(leased)),
                ReadStep::Nothing => {}
                ReadStep::Closed => return Err(broken("T12", "messages", "closed, and nobody closed it")),
                // It may be temporary (M10).
                ReadStep::Failed(text) => {
                    *error = format!("and the error `{text}`");
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
    }

    /// Nothing comes; `clause` is broken if something does.
    pub(crate) async fn nothing(&mut self, clause: &str, why: &str) -> Checked {
        let began = Instant::now();
        while let Some(left) = self.limits.quiet.checked_sub(began.elapsed()) {
            match self.step(1, left).await? {
                ReadStep::Got(leased) => {
                    ensure(leased.is_empty(), clause, format!("nothing: {why}"), numbers(&leased))?;
                }
                ReadStep::Nothing | ReadStep::Closed => {}
                ReadStep::Failed(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
            if self.waiting.is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Ok(())
    }

    /// Settles all in the same way; all must be settled.
    pub(crate) async fn settle(&self, batch: Vec<Leased>, end: &Settlement) -> Checked {
        self.settle_as_they_are(ended(batch, end)).await
    }

    pub(crate) async fn settle_as_they_are(&self, batch: Vec<Leased>) -> Checked {
        let left = unsettled(&self.source, batch, self.limits).await?;
        ensure(left.is_empty(), "T20", "all leases are settled", left)
    }

    /// Leases messages, and settles them as done: some at a time, as they come, since on a busy machine many may take longer than a
    /// lease lasts. Patience ends when none comes for as long.
    pub(crate) async fn handle(&mut self, count: usize, clause: &str) -> Checked<Vec<u64>> {
        const AT_A_TIME: usize = 16;
        let (mut handled, mut error) = (Vec::new(), String::new());
        while handled.len() < count {
            let patience = self.limits.patience;
            let Some(leased) = self.some(AT_A_TIME.min(count - handled.len()), patience, &mut error).await? else {
                let seen = format!("none for {patience:?} after {handled:?} {error}");
                return Err(broken(clause, format!("{count} messages"), seen));
            };
            handled.extend(numbers(&leased));
            self.settle(leased, &Settlement::Done).await?;
        }
        Ok(handled)
    }

    /// Closes the source, and waits for the `next` that waits. What that brought is given back.
    pub(crate) async fn close(mut self) -> Checked {
        let wait = self.limits.patience;
        let closed = timeout(wait, self.source.close()).await;
        let is_closed = matches!(closed, Ok(Ok(())));
        ensure(is_closed, "T33", "`Source::close` answers in time, without an error", closed)?;
        while self.waiting.is_some() {
            match self.step(0, wait).await? {
                ReadStep::Nothing => return Err(broken("T12", "a `next` that waits ends with `close`", "it waits on")),
                ReadStep::Got(leased) => self.settle(leased, &Settlement::Release).await?,
                ReadStep::Closed | ReadStep::Failed(_) => {}
            }
        }
        Ok(())
    }
}

impl Drop for TestReader {
    fn drop(&mut self) {
        if let Some((_, waiting)) = self.waiting.take() {
            // It would keep the source, and so the transport, alive.
            waiting.abort();
        }
    }
}
