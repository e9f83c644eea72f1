//! What a property works with: a transport over a storage of its own, and helpers that wait with a bound.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventbus::transport::{
    Capabilities, Durability, GroupSpec, GroupState, Leased, Message, Refusal, Settlement, Source, Transport, Unsettled,
};
use tokio::time::timeout;

use crate::{
    Limits, Rig, Trouble,
    outcome::{Checked, Halt, broken, ensure, needs},
    reader::TestReader,
};

pub(crate) struct Lab {
    pub(crate) rig: Arc<dyn Rig>,
    pub(crate) storage: String,
    pub(crate) limits: Limits,
    pub(crate) can: Capabilities,
    /// `None` between two lives of the process.
    transport: Option<Arc<dyn Transport>>,
}

impl Lab {
    pub(crate) async fn open(rig: Arc<dyn Rig>, storage: String) -> Checked<Self> {
        let limits = rig.limits();
        let transport = open(&*rig, &storage).await?;
        Ok(Self { can: transport.capabilities(), limits, rig, storage, transport: Some(transport) })
    }

    /// The transport.
    ///
    /// # Panics
    ///
    /// Never: it is missing only while it is opened again.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(self.transport.as_ref().expect("open"))
    }

    /// Another handle of the same storage: another process.
    pub(crate) async fn another(&self) -> Checked<Arc<dyn Transport>> {
        needs(self.rig.shares(), "the rig opens one handle of a storage at a time")?;
        open(&*self.rig, &self.storage).await
    }

    /// This process, and another one if the rig has several.
    pub(crate) async fn processes(&self) -> Checked<Vec<Arc<dyn Transport>>> {
        let mut all = vec![self.transport()];
        if self.rig.shares() {
            all.push(self.another().await?);
        }
        Ok(all)
    }

    pub(crate) fn needs_durability(&self) -> Checked {
        needs(self.can.durability > Durability::Process, "nothing in it outlives the process")
    }

    pub(crate) fn needs_lease(&self) -> Checked<Duration> {
        needs(self.can.lease.is_some(), "its leases do not run out")?;
        Ok(self.can.lease.unwrap_or_default())
    }

    pub(crate) fn needs_order(&self) -> Checked {
        needs(self.can.ordering > eventbus::transport::TransportOrdering::None, "it keeps no order")
    }

    /// Closes the transport and opens it again, as the next process does. All readers have been closed.
    pub(crate) async fn reopen(&mut self) -> Checked {
        if let Some(transport) = self.transport.take() {
            let closed = timeout(self.limits.patience, transport.close(self.limits.patience)).await;
            let is_closed = matches!(closed, Ok(Ok(_)));
            ensure(
                is_closed,
                "T33",
                "`close` answers in time and without an error",
                closed.map(|one| one.map(|_| ())),
            )?;
        }
        self.transport = Some(open_again(&*self.rig, &self.storage).await?);
        Ok(())
    }

    /// Kills the process, and opens the transport in the next one.
    pub(crate) async fn kill(&mut self) -> Checked {
        if let Some(transport) = self.transport.take() {
            self.rig.kill(&self.storage, transport).await;
        }
        self.transport = Some(open_again(&*self.rig, &self.storage).await?);
        Ok(())
    }

    /// Ends the property: the last handle goes.
    pub(crate) async fn end(&mut self) {
        if let Some(transport) = self.transport.take() {
            let _ = timeout(self.limits.patience, transport.close(self.limits.patience)).await;
        }
    }

    /// Makes trouble, or skips the property if the rig cannot.
    pub(crate) async fn trouble(&self, trouble: Trouble<'_>) -> Checked {
        let Some(made) = self.rig.trouble(&self.storage, trouble) else {
            return Err(Halt::Skipped(format!("the rig makes no trouble of the kind `{}`", kind(trouble))));
        };
        made.await.map_err(|error| broken("of the rig", format!("{trouble:?} is made"), error.to_string()))
    }

    /// Opens a group of the transport.
    pub(crate) async fn subscribe(&self, spec: GroupSpec) -> Checked<TestReader> {
        self.subscribe_at(&self.transport(), spec).await
    }

    /// Opens a group that wants everything.
    pub(crate) async fn group(&self, name: &str) -> Checked<TestReader> {
        self.subscribe(GroupSpec::new(name)).await
    }

    pub(crate) async fn subscribe_at(
        &self,
        transport: &Arc<dyn Transport>,
        mut spec: GroupSpec,
    ) -> Checked<TestReader> {
        let name = Arc::clone(&spec.name);
        if self.can.bounds_events {
            // Properties that do not speak of bounds meet none.
            spec.max_events = spec.max_events.or(Some(100_000));
        }
        let source = self.answers("T10", "subscribe", transport.subscribe(spec)).await?;
        let source = source.map_err(|error| broken("T10", format!("group `{name}` is opened"), error.to_string()))?;
        Ok(TestReader::new(source, self.limits))
    }

    /// What a method answers, if it does so in time.
    pub(crate) async fn answers<T>(&self, clause: &str, what: &str, answer: impl Future<Output = T>) -> Checked<T> {
        let patience = self.limits.patience;
        let late = |_| broken(clause, format!("`{what}` answers within {patience:?}"), "no answer");
        timeout(patience, answer).await.map_err(late)
    }

    /// Publishes in batches, and gives the answers.
    pub(crate) async fn answers_of(&self, messages: &[Message]) -> Checked<Vec<Result<(), Refusal>>> {
        self.answers_at(&self.transport(), messages).await
    }

    pub(crate) async fn answers_at(
        &self,
        transport: &Arc<dyn Transport>,
        messages: &[Message],
    ) -> Checked<Vec<Result<(), Refusal>>> {
        let mut all = Vec::new();
        for batch in messages.chunks(self.can.max_batch.max(1)) {
            let answers = self.answers("T2", "publish", transport.publish(batch)).await?;
            let counts = (answers.len(), batch.len());
            ensure(counts.0 == counts.1, "T2", format!("{} answers", counts.1), counts.0)?;
            all.extend(answers);
        }
        Ok(all)
    }

    /// Publishes messages that must be taken.
    pub(crate) async fn publish(&self, messages: &[Message]) -> Checked {
        self.publish_at(&self.transport(), messages).await
    }

    pub(crate) async fn publish_at(&self, transport: &Arc<dyn Transport>, messages: &[Message]) -> Checked {
        let answers = self.answers_at(transport, messages).await?;
        ensure(answers.iter().all(Result::is_ok), "T1", "each message is taken", answers)
    }

    /// What the transport knows of a group.
    pub(crate) async fn state(&self, group: &str) -> Checked<GroupState> {
        let transport = self.transport();
        let states = self.answers("T10", "groups", transport.groups()).await?;
        let states = states.map_err(|error| broken("T10", "`groups` answers", error.to_string()))?;
        let found = states.iter().find(|state| *state.name == *group).cloned();
        found.ok_or_else(|| broken("T10", format!("group `{group}` is among the groups"), states))
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, clause: &str, expected: &str, is_so: impl Fn() -> bool) -> Checked {
        let began = Instant::now();
        while !is_so() {
            let is_late = began.elapsed() >= self.limits.patience;
            ensure(!is_late, clause, expected, format!("not within {:?}", self.limits.patience))?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Waits until so many are counted. Patience ends when the count stays the same for as long.
    pub(crate) async fn until_counted(
        &self,
        clause: &str,
        expected: &str,
        enough: usize,
        count: impl Fn() -> usize,
    ) -> Checked {
        let (mut last, mut at) = (count(), Instant::now());
        while last < enough {
            let is_late = at.elapsed() >= self.limits.patience;
            ensure(
                !is_late,
                clause,
                expected,
                format!("{last} of {enough}, and no more within {:?}", self.limits.patience),
            )?;
            tokio::time::sleep(Duration::from_millis(1)).await;
            let now = count();
            if now != last {
                (last, at) = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// Waits until it is so, and no longer than [`Limits::quiet`].
    pub(crate) async fn for_a_while(&self, is_so: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_so() && began.elapsed() < self.limits.quiet {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn kind(trouble: Trouble<'_>) -> &'static str {
    match trouble {
        Trouble::Cut => "Cut",
        Trouble::Mend => "Mend",
        Trouble::Restart => "Restart",
        Trouble::LoseGroup(_) => "LoseGroup",
        Trouble::Write(_) => "Write",
    }
}

/// Opens a storage whose last handle may still be on its way out: tasks of a bus that has gone are dropped a little later.
async fn open_again(rig: &dyn Rig, storage: &str) -> Checked<Arc<dyn Transport>> {
    let (began, patience) = (Instant::now(), rig.limits().patience);
    loop {
        match open(rig, storage).await {
            Err(_) if began.elapsed() < patience => tokio::time::sleep(Duration::from_millis(5)).await,
            opened => return opened,
        }
    }
}

async fn open(rig: &dyn Rig, storage: &str) -> Checked<Arc<dyn Transport>> {
    let limits = rig.limits();
    match timeout(limits.patience, rig.open(storage)).await {
        Ok(Ok(transport)) => Ok(transport),
        Ok(Err(error)) => Err(broken("of the rig", "the transport is opened", error.to_string())),
        Err(_) => Err(broken("of the rig", format!("it is opened within {:?}", limits.patience), "no answer")),
    }
}

/// All with the same end.
pub(crate) fn ended(mut batch: Vec<Leased>, end: &Settlement) -> Vec<Leased> {
    for leased in &mut batch {
        leased.settle_as(end.clone());
    }
    batch
}

/// Settles leases as the bus does, and gives those that could not be settled.
pub(crate) async fn unsettled(
    source: &Arc<dyn Source>,
    mut batch: Vec<Leased>,
    limits: Limits,
) -> Checked<Vec<Unsettled>> {
    if source.try_settle(&mut batch) {
        return Ok(Vec::new());
    }
    let late = |_| broken("T20", format!("`settle` answers within {:?}", limits.patience), "no answer");
    timeout(limits.patience, source.settle(batch)).await.map_err(late)
}
