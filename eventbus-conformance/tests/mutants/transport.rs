//! A transport over a good one that breaks one clause.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use eventbus::{
    BoxError, Overflow,
    transport::{
        Answer, BoxFuture, Capabilities, GroupSpec, GroupState, LetterEnd, LetterId, LetterPage, LetterQuery, Memory,
        Message, MessageId, Refusal, Source, Transport, TransportHealth, Wants,
    },
};
use eventbus_conformance::{Limits, Rig, Trouble};

use super::{How, common::broker::Broker, source::MutantSource};

/// Opens mutants over the memory, or over a broker.
pub(crate) struct Mutants {
    pub(crate) how: How,
    pub(crate) broker: Option<Broker>,
    opened: AtomicUsize,
    limits: Limits,
}

impl Mutants {
    pub(crate) fn new(how: How, is_over_broker: bool) -> Self {
        let limits = Limits::default().with_quiet(Duration::from_millis(60)).with_full_counts(false);
        let limits = match how {
            How::Well => limits,
            // Its thread ends no sooner.
            How::HoldsItsThread => limits.with_longest(Duration::from_secs(3)),
            _ => limits.with_patience(Duration::from_millis(700)),
        };
        Self { how, broker: is_over_broker.then(Broker::default), opened: AtomicUsize::new(0), limits }
    }
}

impl Rig for Mutants {
    fn open<'a>(&'a self, storage: &'a str) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async move {
            let opened = self.opened.fetch_add(1, Ordering::SeqCst);
            let forgets = self.how == How::ForgetsBetweenProcesses;
            let name = if forgets { format!("{storage}_{opened}") } else { storage.to_owned() };
            let inner = match &self.broker {
                Some(broker) => broker.open(&name).await?,
                None => Arc::new(Memory::new()),
            };
            Ok(Arc::new(Mutant { inner, how: self.how, shared: Arc::default() }) as Arc<dyn Transport>)
        })
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn shares(&self) -> bool {
        self.broker.is_some()
    }

    fn trouble<'a>(&'a self, storage: &'a str, trouble: Trouble<'a>) -> Option<BoxFuture<'a, Result<(), BoxError>>> {
        self.broker.as_ref()?.trouble(storage, trouble)
    }

    fn refused(&self) -> Option<Message> {
        self.broker.as_ref()?.refused()
    }
}

/// What a mutant and its sources share.
#[derive(Default)]
pub(crate) struct Shared {
    published: AtomicUsize,
    asked: AtomicUsize,
    pub(crate) groups: AtomicUsize,
    is_closed: AtomicUsize,
    wants: Mutex<HashMap<Arc<str>, Wants>>,
    ids: Mutex<HashSet<MessageId>>,
    /// How many leases each group has out.
    pub(crate) out: Mutex<BTreeMap<Arc<str>, Vec<Message>>>,
}

impl Shared {
    /// Whether a message with this id is new; it is known from now on.
    fn is_new(&self, message: &Message) -> bool {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(message.id())
    }

    pub(crate) fn out(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Vec<Message>>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
pub(crate) struct Mutant {
    pub(crate) inner: Arc<dyn Transport>,
    pub(crate) how: How,
    pub(crate) shared: Arc<Shared>,
}

/// The message without its delay, and without the attribute.
fn rebuilt(message: &Message, without: &str) -> Message {
    let (Ok(data), attributes) = (message.data(), message.attributes()) else { return message.clone() };
    let kept = attributes.iter().filter(|(name, _)| *name != without).map(|(name, value)| (*name, &**value));
    Message::from_attributes(kept, data).unwrap_or_else(|_| message.clone())
}

impl Mutant {
    /// What is stored of a batch: `None` is dropped.
    fn stored(&self, message: &Message) -> Option<Message> {
        match (self.how, message.not_before()) {
            (How::LosesTheThird, _) if self.shared.published.fetch_add(1, Ordering::SeqCst) == 2 => None,
            (How::ForgetsNotBefore, Some(_)) | (How::ForgetsIds, _) => Some(rebuilt(message, "")),
            (How::DelaysTooLong, Some(at)) => Some(message.clone().with_not_before(at + Duration::from_hours(1))),
            (How::ForgetsKeys, _) => Some(rebuilt(message, "partitionkey")),
            _ => Some(message.clone()),
        }
    }

    async fn publish_all(&self, batch: &[Message]) -> Vec<Result<(), Refusal>> {
        let how = self.how;
        if how == How::TakesAfterClose && self.shared.is_closed.load(Ordering::SeqCst) > 0 {
            return batch.iter().map(|_| Ok(())).collect();
        }
        if how == How::OvertakesBatches && self.shared.published.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
            // Whatever was asked meanwhile comes first.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let failed = || Err(Refusal::Failed("this mutant fails".into()));
        let mut answers = Vec::new();
        for (at, message) in batch.iter().enumerate() {
            let is_large = message.data().is_ok_and(|data| data.len() > 1024);
            if how == How::TakesLessThanItSays && is_large || how == How::TakesSmallBatchesOnly && at >= 5 {
                answers.push(failed());
                continue;
            }
            if how == How::KeepsIds && message.dedupe().is_some() && !self.shared.is_new(message) {
                answers.push(Err(Refusal::Duplicate));
                continue;
            }
            let at = if how == How::ReversesBatches { batch.len() - 1 - at } else { at };
            let Some(message) = self.stored(&batch[at]) else {
                answers.push(Ok(()));
                continue;
            };
            let mut one = self.inner.publish(&[message]).await;
            answers.push(one.pop().unwrap_or_else(|| Err(Refusal::Unknown("no answer".into()))));
        }
        for (answer, message) in answers.iter_mut().zip(batch) {
            match (how, &*answer) {
                (How::TellsUnknownAsFailed, Err(Refusal::Unknown(_))) => *answer = failed(),
                (How::GivesRefusedToOthers, Err(Refusal::Full { .. })) => {
                    let _ = self.inner.redeliver("wide", message.clone()).await;
                }
                (How::ShowsPayloads, Err(_)) => {
                    let data = message.data().map(|data| String::from_utf8_lossy(&data).into_owned());
                    *answer = Err(Refusal::Failed(format!("cannot send {data:?}").into()));
                }
                _ => {}
            }
        }
        match how {
            How::AnswersInReverse => answers.reverse(),
            How::RefusesAllForOne if answers.iter().any(Result::is_err) => {
                answers.fill_with(failed);
            }
            _ => {}
        }
        answers
    }
}

impl Transport for Mutant {
    fn capabilities(&self) -> Capabilities {
        let can = self.inner.capabilities();
        let asked = self.shared.asked.fetch_add(1, Ordering::SeqCst);
        match self.how {
            How::ChangesItsCapabilities => can.with_max_batch(can.max_batch + asked),
            How::OvertakesBatches => can.with_max_under_way(2),
            _ => can,
        }
    }

    fn attach(&self, reports: eventbus::transport::TransportReports) {
        self.inner.attach(reports);
    }

    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        match self.how {
            How::LeavesSlotsFull => {
                let mut copy: Vec<_> = batch.to_vec();
                self.inner.try_publish(&mut copy)
            }
            How::EmptiesRefusedSlots => {
                let tried = self.inner.try_publish(batch);
                if let (Err(_), Some(slot)) = (&tried, batch.iter_mut().find(|slot| slot.is_some())) {
                    *slot = None;
                }
                tried
            }
            How::GivesRefusedToOthers
            | How::LosesTheThird
            | How::ReversesBatches
            | How::OvertakesBatches
            | How::ForgetsNotBefore
            | How::DelaysTooLong
            | How::ForgetsKeys
            | How::ForgetsIds
            | How::KeepsIds => Err(Refusal::WouldWait),
            _ => self.inner.try_publish(batch),
        }
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        Box::pin(self.publish_all(batch))
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        if self.how == How::NeverReady { Box::pin(std::future::pending()) } else { self.inner.ready() }
    }

    fn subscribe(&self, mut spec: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        let name = Arc::clone(&spec.name);
        let number = self.shared.groups.fetch_add(1, Ordering::SeqCst);
        match self.how {
            How::IgnoresStart => spec.start = eventbus::transport::Start::Now,
            How::IgnoresBounds => {
                spec.max_events = Some(1000);
                spec.overflow = Some(Overflow::Wait);
            }
            How::HandsOutWhatIsNotWanted => spec.wants = Wants::all(),
            How::KeepsOldWants => {
                let mut all = self.shared.wants.lock().unwrap_or_else(PoisonError::into_inner);
                spec.wants = all.entry(Arc::clone(&name)).or_insert(spec.wants).clone();
            }
            How::MakesGroupsTwice => spec.name = format!("{name}{number}").into(),
            _ => {}
        }
        Box::pin(async move {
            let inner = self.inner.subscribe(spec).await?;
            Ok(Arc::new(MutantSource::new(inner, self.clone(), name)) as Arc<dyn Source>)
        })
    }

    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        Box::pin(async {
            let mut all = self.inner.groups().await?;
            if self.how == How::CountsDepthWrong {
                for state in &mut all {
                    state.depth = state.depth.map(|depth| depth + 1);
                }
            }
            Ok(all)
        })
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        if self.how == How::RemovesNothing {
            return Box::pin(async { Ok(Vec::new()) });
        }
        self.inner.remove_group(name)
    }

    fn dead_letters(&self, mut query: LetterQuery) -> Answer<'_, LetterPage> {
        if self.how == How::RepeatsPages {
            query.after = None;
        }
        self.inner.dead_letters(query)
    }

    fn end_letters<'a>(&'a self, ids: &'a [LetterId], end: LetterEnd) -> BoxFuture<'a, Vec<Result<(), BoxError>>> {
        if self.how == How::EndsNoLetters {
            return Box::pin(async { ids.iter().map(|_| Ok(())).collect() });
        }
        self.inner.end_letters(ids, end)
    }

    fn redeliver<'a>(&'a self, group: &'a str, message: Message) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move {
            if self.how == How::RedeliversToAll {
                return self.inner.publish(&[message]).await.pop().unwrap_or(Ok(()));
            }
            self.inner.redeliver(group, message).await
        })
    }

    fn health(&self) -> BoxFuture<'_, TransportHealth> {
        self.inner.health()
    }

    fn close(&self, deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.shared.is_closed.fetch_add(1, Ordering::SeqCst);
        self.inner.close(deadline)
    }
}
