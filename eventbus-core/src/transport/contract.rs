//! The two traits of the contract: [`Transport`] and [`Source`].

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use super::{
    Capabilities, GroupSpec, GroupState, LeaseId, Leased, LetterEnd, LetterId, LetterPage, LetterQuery, Message,
    Refusal, TransportHealth, TransportReports, Unrouted, Unsettled,
};
use crate::listener::BoxError;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a transport answers later.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, BoxError>>;

/// Carries published messages to consumer groups: what a broker, a database or a file must do to stand below a bus.
///
/// To write one:
///
/// 1. Say what it can do in [`capabilities`](Self::capabilities). [`Capabilities::IN_PROCESS`] is where to begin; whatever leaves
///    the process needs [`with_codec`](Capabilities::with_codec), and most have no bounds
///    ([`without_bounds`](Capabilities::without_bounds)). The bus refuses consumers and events that need more.
/// 2. Answer [`publish`](Self::publish), [`subscribe`](Self::subscribe), [`groups`](Self::groups),
///    [`remove_group`](Self::remove_group) and [`close`](Self::close). The methods that begin with `try_` are short cuts for
///    transports in memory: their defaults say that it cannot, and the bus waits for the answers.
/// 3. Store a message as its [`attributes`](Message::attributes) and [`data`](Message::data), read it back by
///    [`from_attributes`](Message::from_attributes), and what cannot be read by [`malformed`](Message::malformed). A delay is no
///    attribute: where delays are kept, store [`not_before`](Message::not_before), too, and give it back by
///    [`with_not_before`](Message::with_not_before).
/// 4. Write a [`Source`] for one consumer's end of a group: [`next`](Source::next) leases, [`settle`](Source::settle) ends leases,
///    [`close`](Source::close) ends a `next` that waits.
/// 5. With [`Capabilities::dead_letters`], answer [`dead_letters`](Self::dead_letters) and [`end_letters`](Self::end_letters);
///    without, [`redeliver`](Self::redeliver).
///
/// `tests/outside/file_transport` of the repository does it over an append-only file, in a crate of its own. The clauses below are
/// numbered; the docs of the methods refer to them, and so do the properties of `eventbus-conformance`, the suite that every transport
/// passes.
///
#[doc = include_str!("clauses.md")]
pub trait Transport: Send + Sync + 'static {
    /// What this transport can do. Constant.
    fn capabilities(&self) -> Capabilities;

    /// Gives the transport a way to tell the bus what no answer can carry. Called once, before anything else.
    fn attach(&self, reports: TransportReports) {
        let _ = reports;
    }

    /// The messages that no group of this transport wants, where it counts them.
    fn unrouted(&self) -> Unrouted {
        Unrouted::default()
    }

    /// Takes messages without waiting, from the front on, and empties the slots that it took (T5).
    ///
    /// # Errors
    ///
    /// [`Refusal`] for the first slot that it leaves. A transport that cannot answer at once says
    /// [`WouldWait`](Refusal::WouldWait), as this default does.
    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        let _ = batch;
        Err(Refusal::WouldWait)
    }

    /// Takes messages; a result for each (T1 to T4). It waits for the wire, not for room.
    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>>;

    /// Waits until a message that was [`Full`](Refusal::Full) with `wait` is worth another try (B4). It may wake too often,
    /// never too seldom.
    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Opens a group for reading, makes it if need be, and updates what it wants and its bounds. It is called each time a consumer
    /// starts, in each process: a group of a durable transport that was opened before goes on where it was.
    fn subscribe(&self, group: GroupSpec) -> Answer<'_, Arc<dyn Source>>;

    /// What is known of all groups, those of other processes included.
    fn groups(&self) -> Answer<'_, Vec<GroupState>>;

    /// Removes a group. It hands back the messages that waited in it, where they were this process's only.
    ///
    /// # Errors
    ///
    /// [`NoSuchGroup`](super::NoSuchGroup) if there is none; any other error is a failure of the transport, which the bus tells and
    /// counts.
    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>>;

    /// A page of dead letters, oldest first, of those after [`LetterQuery::after`], which need not be there any more. Only with
    /// [`Capabilities::dead_letters`].
    fn dead_letters(&self, query: LetterQuery) -> Answer<'_, LetterPage> {
        let _ = query;
        Box::pin(async { Err("this transport keeps no dead letters".into()) })
    }

    /// Ends dead letters; a result for each. A replayed letter is delivered to its group again, with no attempts, and is no
    /// letter any more, as one step.
    ///
    /// # Errors
    ///
    /// [`LetterError`](super::LetterError) for an id that is not there, and for a group without room; any other error is a failure
    /// of the transport, which the bus tells and counts.
    fn end_letters<'a>(&'a self, ids: &'a [LetterId], end: LetterEnd) -> BoxFuture<'a, Vec<Result<(), BoxError>>> {
        let _ = end;
        Box::pin(async { ids.iter().map(|_| Err("this transport keeps no dead letters".into())).collect() })
    }

    /// Delivers a message to one group again, with no attempts: the replay of a dead letter that the bus has kept (B23).
    fn redeliver<'a>(&'a self, group: &'a str, message: Message) -> BoxFuture<'a, Result<(), Refusal>> {
        let _ = (group, message);
        Box::pin(async { Err(Refusal::Failed("this transport cannot deliver a message again".into())) })
    }

    /// Whether the transport works now. Cheap enough to be asked every ten seconds.
    fn health(&self) -> BoxFuture<'_, TransportHealth> {
        Box::pin(async { TransportHealth::connected() })
    }

    /// Closes the transport, after its sources: it takes nothing any more. It hands back what only this process held, each
    /// with its group; `None` stands for a message that no group has wanted.
    fn close(&self, deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>>;
}

/// One consumer's end of a group.
pub trait Source: Send + Sync + 'static {
    /// Leases up to `max` messages without waiting, and appends them.
    ///
    /// `None` means that this source cannot: one reader task of the bus calls [`next`](Self::next) then. `Some(Batch)` with
    /// nothing appended means that nothing is there. A `max` of 0 asks whether it can.
    ///
    /// It must not call the bus: a consumer may hold its intake lock meanwhile.
    fn try_next(&self, max: usize, into: &mut Vec<Leased>) -> Option<Read> {
        let _ = (max, into);
        None
    }

    /// Waits for messages and leases up to `max` (T10 to T16). With a `max` of 0 it waits only; that is asked of sources that
    /// answer `try_next`.
    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read>;

    /// Settles leases without waiting. `true` means that all are settled; what is left in `batch` is for the bus to drop.
    /// `false` means that what is left in `batch` is not settled (T25).
    fn try_settle(&self, batch: &mut Vec<Leased>) -> bool {
        let _ = batch;
        false
    }

    /// Settles leases and returns those that it could not settle, each with its reason (T20 to T24).
    fn settle(&self, batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>>;

    /// Keeps leases from running out, and returns those that are lost (B21).
    fn extend(&self, leases: Vec<LeaseId>) -> Answer<'static, Vec<LeaseId>> {
        let _ = leases;
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Hint: one of the group's workers begins to wait inside a handler, or has ended its wait. Until then it does not come
    /// back for more. A source that decides which workers to wake needs to know.
    fn worker_waits(&self, waits: bool) {
        let _ = waits;
    }

    /// Stops reading: [`next`](Self::next) answers [`Read::Closed`]. Messages read ahead go to other sources at once.
    /// Settling goes on.
    fn close(&self) -> Answer<'_, ()>;
}

/// What a read brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Read {
    /// What came, if anything, has been appended.
    Batch,
    /// Nothing comes any more.
    Closed,
}

impl fmt::Debug for dyn Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("capabilities", &self.capabilities()).finish_non_exhaustive()
    }
}

impl fmt::Debug for dyn Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

/// A transport that the program holds, too.
impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }
    fn attach(&self, reports: TransportReports) {
        (**self).attach(reports);
    }
    fn unrouted(&self) -> Unrouted {
        (**self).unrouted()
    }
    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        (**self).try_publish(batch)
    }
    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        (**self).publish(batch)
    }
    fn ready(&self) -> BoxFuture<'_, ()> {
        (**self).ready()
    }
    fn subscribe(&self, group: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        (**self).subscribe(group)
    }
    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        (**self).groups()
    }
    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        (**self).remove_group(name)
    }
    fn dead_letters(&self, query: LetterQuery) -> Answer<'_, LetterPage> {
        (**self).dead_letters(query)
    }
    fn end_letters<'a>(&'a self, ids: &'a [LetterId], end: LetterEnd) -> BoxFuture<'a, Vec<Result<(), BoxError>>> {
        (**self).end_letters(ids, end)
    }
    fn redeliver<'a>(&'a self, group: &'a str, message: Message) -> BoxFuture<'a, Result<(), Refusal>> {
        (**self).redeliver(group, message)
    }
    fn health(&self) -> BoxFuture<'_, TransportHealth> {
        (**self).health()
    }
    fn close(&self, deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        (**self).close(deadline)
    }
}
