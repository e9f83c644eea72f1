//! A transport over the memory that breaks its contract where it is told to.

use std::{
    collections::HashMap,
    future::{pending, ready},
    pin::Pin,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    task::{Context, Poll},
    time::Duration,
};

use eventbus::{
    BoxError, Bus, BusBuilder,
    transport::{
        Answer, BoxFuture, Capabilities, GroupSpec, GroupState, LetterEnd, LetterId, LetterPage, LetterQuery, Memory,
        Message, Operation, Refusal, Source, Transport, TransportHealth, TransportReports, Unrouted,
    },
};

use tokio::time::Instant;

use super::source::HostileSource;
use crate::support::Log;

/// A method of the contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Call {
    Capabilities,
    Attach,
    Unrouted,
    TryPublish,
    Publish,
    Ready,
    Subscribe,
    TryNext,
    Next,
    TrySettle,
    Settle,
    Extend,
    WorkerWaits,
    Groups,
    RemoveGroup,
    DeadLetters,
    EndLetters,
    Redeliver,
    Health,
    CloseSource,
    Close,
}

/// What a method does in place of its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// It answers with an error.
    Error,
    /// It panics before it has done anything.
    Panic,
    /// Its future panics before it has done anything.
    PanicInFuture,
    /// It does its work, and panics.
    PanicAfter,
    /// It never answers, and has done nothing.
    Silent,
    /// It does its work, and never answers.
    SilentAfter,
    /// It never answers, and its future panics when it is dropped.
    PanicInDrop,
    /// It does its work forty seconds later.
    Slow,
    /// It does its work a second later.
    Late,
    /// It says at once that all is well, and has done nothing.
    Empty,
    /// It says that it is closed.
    Closed,
    /// It hands out more than it was asked for, or answers for more than it was given.
    TooMany,
    /// It hands out each lease twice.
    Twice,
    /// It hands out the last message first.
    Reversed,
    /// Its leases are lost.
    Lost,
}

/// How the transport answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// At once, like the memory.
    AtOnce,
    /// Only by futures, like a broker.
    Later,
}

#[derive(Clone)]
pub(crate) struct Hostile {
    memory: Arc<Memory>,
    faults: Arc<Mutex<HashMap<Call, (Fault, usize)>>>,
    pub(super) shape: Shape,
    pub(super) capabilities: Capabilities,
    pub(super) leases: Arc<AtomicUsize>,
    /// What stands on leases in place of their deliveries.
    pub(crate) deliveries: Option<u32>,
    pub(crate) errors: Log<(Operation, Option<String>, String)>,
    /// How many of them have been looked at.
    pub(crate) told: Arc<AtomicUsize>,
    /// Calls of methods that are watched.
    pub(crate) calls: Log<Call>,
    /// When each of them came, on the runtime's clock.
    times: Log<(Call, Instant)>,
}

/// As often as the method is called.
pub(crate) const ALWAYS: usize = usize::MAX;

impl Hostile {
    pub(crate) fn new(shape: Shape) -> Self {
        Self::over(Memory::new(), shape)
    }

    pub(crate) fn over(memory: Memory, shape: Shape) -> Self {
        Self::over_shared(Arc::new(memory), shape)
    }

    pub(crate) fn over_shared(memory: Arc<Memory>, shape: Shape) -> Self {
        Self {
            memory,
            faults: Arc::default(),
            shape,
            capabilities: Capabilities::IN_PROCESS,
            leases: Arc::default(),
            deliveries: None,
            errors: Log::default(),
            told: Arc::default(),
            calls: Log::default(),
            times: Log::default(),
        }
    }

    /// With capabilities that it does not have.
    pub(crate) fn says(mut self, change: impl FnOnce(Capabilities) -> Capabilities) -> Self {
        self.capabilities = change(self.capabilities);
        self
    }

    /// Breaks a method so many times.
    pub(crate) fn breaks(&self, call: Call, fault: Fault, times: usize) {
        self.faults.lock().unwrap().insert(call, (fault, times));
    }

    pub(crate) fn heals(&self, call: Call) {
        self.faults.lock().unwrap().remove(&call);
    }

    /// A bus over it, whose errors are noted.
    pub(crate) fn builder(&self) -> BusBuilder {
        let errors = self.errors.clone();
        let note = move |error: &eventbus::transport::TransportError| {
            errors.add((error.operation(), error.group().map(str::to_owned), error.error().to_string()));
        };
        Bus::builder().transport(self.clone()).on_transport_error(note).on_warning(|_| {})
    }

    pub(crate) fn bus(&self) -> Bus {
        self.builder().build()
    }

    pub(super) fn note(&self, call: Call) {
        self.calls.add(call);
        self.times.add((call, Instant::now()));
    }

    /// How long it was from each call of a method to the next, since this was last asked for any.
    pub(crate) fn pauses(&self, of: Call) -> Vec<Duration> {
        let times: Vec<_> = self.times.take().into_iter().filter_map(|(call, at)| (call == of).then_some(at)).collect();
        times.windows(2).map(|two| two[1] - two[0]).collect()
    }

    /// What a method would do now.
    pub(super) fn fault(&self, call: Call) -> Option<Fault> {
        self.faults.lock().unwrap().get(&call).filter(|(_, left)| *left > 0).map(|(fault, _)| *fault)
    }

    pub(super) fn strikes(&self, call: Call) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let (fault, left) = faults.get_mut(&call)?;
        *left = left.checked_sub(1)?;
        Some(*fault)
    }

    /// A method that answers at once.
    pub(super) fn at_once<T>(&self, call: Call, work: impl FnOnce(Option<Fault>) -> T) -> T {
        self.note(call);
        match self.strikes(call) {
            Some(Fault::Panic) => panic!("boom: {call:?}"),
            Some(Fault::PanicAfter) => {
                drop(work(None));
                panic!("boom after: {call:?}");
            }
            fault => work(fault),
        }
    }

    /// A method that answers later.
    pub(super) fn later<'a, T: Send + 'a>(
        &self,
        call: Call,
        work: impl FnOnce() -> BoxFuture<'a, T>,
        fails: impl FnOnce(BoxError) -> T,
    ) -> BoxFuture<'a, T> {
        self.note(call);
        match self.strikes(call) {
            Some(Fault::Panic) => panic!("boom: {call:?}"),
            Some(Fault::PanicInFuture) => Box::pin(async move { panic!("boom in a future: {call:?}") }),
            Some(Fault::PanicAfter) => {
                let work = work();
                Box::pin(async move {
                    drop(work.await);
                    panic!("boom after: {call:?}")
                })
            }
            Some(Fault::Silent) => Box::pin(pending()),
            Some(Fault::SilentAfter) => {
                let work = work();
                Box::pin(async move {
                    drop(work.await);
                    pending().await
                })
            }
            Some(slow @ (Fault::Slow | Fault::Late)) => {
                let (work, seconds) = (work(), if slow == Fault::Slow { 40 } else { 1 });
                Box::pin(async move {
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                    work.await
                })
            }
            Some(Fault::PanicInDrop) => Box::pin(Bomb(call)).map_never(),
            Some(Fault::Error) => Box::pin(ready(fails(format!("boom: {call:?}").into()))),
            _ => work(),
        }
    }
}

/// A future that never ends, and panics in its drop.
struct Bomb(Call);

impl Future for Bomb {
    type Output = std::convert::Infallible;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("boom in a drop: {:?}", self.0);
    }
}

trait MapNever: Future<Output = std::convert::Infallible> + Send + Sized + 'static {
    fn map_never<'a, T: 'a>(self) -> BoxFuture<'a, T> {
        Box::pin(async move { match self.await {} })
    }
}

impl<F: Future<Output = std::convert::Infallible> + Send + 'static> MapNever for F {}

impl Transport for Hostile {
    fn capabilities(&self) -> Capabilities {
        self.at_once(Call::Capabilities, |_| self.capabilities)
    }

    fn attach(&self, reports: TransportReports) {
        self.at_once(Call::Attach, |_| self.memory.attach(reports));
    }

    fn unrouted(&self) -> Unrouted {
        self.at_once(Call::Unrouted, |_| self.memory.unrouted())
    }

    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        self.at_once(Call::TryPublish, |fault| match fault {
            Some(Fault::Error) => Err(Refusal::Failed("boom: TryPublish".into())),
            // It takes the message out of its slot, and fails then.
            Some(Fault::Lost) => {
                drop(batch[0].take());
                Err(Refusal::Failed("boom: it was taken".into()))
            }
            Some(Fault::Empty) => Ok(()),
            Some(Fault::Closed) => Err(Refusal::Closed),
            Some(Fault::Late) => Err(Refusal::WouldWait),
            Some(Fault::Reversed) => {
                let last = batch.len() - 1;
                self.memory.try_publish(&mut batch[last..])?;
                Err(Refusal::Failed("boom: it takes the last one".into()))
            }
            _ if self.shape == Shape::AtOnce => self.memory.try_publish(batch),
            _ => Err(Refusal::WouldWait),
        })
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        let fault = self.fault(Call::Publish);
        let each = |make: fn() -> Refusal| batch.iter().map(|_| Err(make())).collect();
        // The memory takes a batch when it is called, and is called when this is polled.
        let work = || -> BoxFuture<'a, _> { Box::pin(async move { self.memory.publish(batch).await }) };
        let answered = self.later(Call::Publish, work, |_| each(|| Refusal::Failed("boom".into())));
        match fault {
            // It has taken all, and answers for none.
            Some(Fault::Empty) => Box::pin(async move {
                answered.await;
                Vec::new()
            }),
            Some(Fault::TooMany) => Box::pin(async move {
                let mut results = answered.await;
                results.extend([Ok(()), Err(Refusal::Closed)]);
                results
            }),
            Some(Fault::Closed) => Box::pin(ready(each(|| Refusal::Closed))),
            _ => answered,
        }
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        self.later(Call::Ready, || self.memory.ready(), |_| ())
    }

    fn subscribe(&self, group: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        let subscribed = move || -> Answer<'_, Arc<dyn Source>> {
            Box::pin(async move {
                let source = self.memory.subscribe(group).await?;
                let source: Arc<dyn Source> = Arc::new(HostileSource { source, hostile: self.clone() });
                Ok(source)
            })
        };
        self.later(Call::Subscribe, subscribed, Err)
    }

    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        let groups = || -> Answer<'_, Vec<GroupState>> {
            let shape = self.shape;
            let groups = self.memory.groups();
            Box::pin(async move {
                if shape == Shape::Later {
                    tokio::task::yield_now().await;
                }
                groups.await
            })
        };
        self.later(Call::Groups, groups, Err)
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        self.later(Call::RemoveGroup, || self.memory.remove_group(name), Err)
    }

    fn dead_letters(&self, query: LetterQuery) -> Answer<'_, LetterPage> {
        let fault = self.fault(Call::DeadLetters);
        let page = || -> Answer<'_, LetterPage> {
            let mut page = LetterPage::default();
            // It begins again and again.
            page.next = (fault == Some(Fault::Empty)).then(|| query.after.unwrap_or(LetterId::new("1")));
            Box::pin(ready(Ok(page)))
        };
        self.later(Call::DeadLetters, page, Err)
    }

    fn end_letters<'a>(&'a self, ids: &'a [LetterId], _: LetterEnd) -> BoxFuture<'a, Vec<Result<(), BoxError>>> {
        self.later(
            Call::EndLetters,
            || Box::pin(ready(Vec::new())),
            |error| ids.iter().map(|_| Err(error.to_string().into())).collect(),
        )
    }

    fn redeliver<'a>(&'a self, group: &'a str, message: Message) -> BoxFuture<'a, Result<(), Refusal>> {
        let fails = |error| Err(Refusal::Failed(error));
        self.later(Call::Redeliver, || self.memory.redeliver(group, message), fails)
    }

    fn health(&self) -> BoxFuture<'_, TransportHealth> {
        let fails = |error: BoxError| TransportHealth::disconnected(error.to_string());
        self.later(Call::Health, || self.memory.health(), fails)
    }

    fn close(&self, deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.later(Call::Close, || self.memory.close(deadline), Err)
    }
}
