//! A transport of somebody else, written from the public interface: it carries bytes, answers late, and fails when told to.

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use eventbus::transport::{
    Answer as Later, BoxFuture, Capabilities, GroupSpec, GroupState, LeaseId, Leased, Letter, LetterEnd, LetterError,
    LetterId, LetterPage, LetterQuery, Message, Read, Refusal, Settlement, Source, Transport, Unsettled,
};
use tokio::sync::Notify;

/// A message as it lies elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) data: Arc<[u8]>,
}

/// How the next publishing goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    #[default]
    Well,
    /// None, ever.
    Silent,
    /// None, and the message is still somewhere.
    SilentAndKept,
    /// An empty list.
    Nothing,
    /// There is no room, though it always says that there is.
    Full,
    /// There is no room, and each look takes a second.
    FullAfterASecond,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) answer: Answer,
    pub(crate) kept: Vec<Message>,
    pub(crate) read_errors: u32,
    pub(crate) settle_errors: u32,
    pub(crate) extended: u32,
    /// A group that takes no letters back.
    pub(crate) full_group: Option<Arc<str>>,
    /// Dead letters, where it keeps them.
    pub(crate) letters: Vec<Letter>,
    pub(crate) batches: Vec<usize>,
    /// All that was written.
    pub(crate) written: Vec<Record>,
    pub(crate) groups: BTreeMap<Arc<str>, VecDeque<(Record, u32)>>,
    closed: bool,
    leases: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Wire {
    shared: Arc<(Mutex<State>, Notify)>,
    pub(crate) lease: Option<Duration>,
    pub(crate) keeps_letters: bool,
}

impl Wire {
    pub(crate) fn new(keeps_letters: bool) -> Self {
        Self { keeps_letters, ..Self::default() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }

    /// What another program writes.
    pub(crate) fn write(&self, attributes: &[(&str, &str)], data: impl AsRef<[u8]>) {
        let attributes = attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.push(&Record { attributes, data: data.as_ref().into() });
    }

    fn push(&self, record: &Record) {
        self.state().written.push(record.clone());
        for queue in self.state().groups.values_mut() {
            queue.push_back((record.clone(), 0));
        }
        self.shared.1.notify_waiters();
    }

    fn take(&self, message: &Message) -> Result<(), Refusal> {
        let record = Record::of(message)?;
        if self.state().closed {
            return Err(Refusal::Closed);
        }
        self.push(&record);
        Ok(())
    }

    fn requeue(&self, group: &str, message: &Message) -> Result<(), Refusal> {
        let record = Record::of(message)?;
        match self.state().groups.get_mut(group) {
            Some(queue) => queue.push_back((record, 0)),
            None => return Err(Refusal::Failed("no such group".into())),
        }
        self.shared.1.notify_waiters();
        Ok(())
    }
}

impl Record {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(has, _)| has == name).map(|(_, value)| &**value)
    }

    fn of(message: &Message) -> Result<Self, Refusal> {
        let data = message.data().map_err(|error| Refusal::Unwritable(error.into()))?;
        let owned = |(name, value): (&'static str, std::borrow::Cow<'_, str>)| (name.to_owned(), value.into_owned());
        Ok(Self { attributes: message.attributes().into_iter().map(owned).collect(), data })
    }
}

impl Transport for Wire {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::IN_PROCESS;
        (capabilities.needs_codec, capabilities.lease) = (true, self.lease);
        if self.keeps_letters { capabilities.with_dead_letters() } else { capabilities }
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let answer = self.state().answer;
            self.state().batches.push(batch.len());
            let full = |_| Err(Refusal::Full { group: "group".into(), wait: true });
            match answer {
                Answer::Well => batch.iter().map(|message| self.take(message)).collect(),
                Answer::Silent => pending().await,
                Answer::SilentAndKept => {
                    self.state().kept.extend(batch.iter().cloned());
                    pending().await
                }
                Answer::Nothing => Vec::new(),
                Answer::Full | Answer::FullAfterASecond => batch.iter().map(full).collect(),
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        let slow = self.state().answer == Answer::FullAfterASecond;
        Box::pin(async move {
            if slow {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })
    }

    fn subscribe(&self, group: GroupSpec) -> Later<'_, Arc<dyn Source>> {
        self.state().groups.entry(Arc::clone(&group.name)).or_default();
        let source = WireSource { wire: self.clone(), group: group.name, held: Arc::default(), closed: Arc::default() };
        Box::pin(async move { Ok(Arc::new(source) as Arc<dyn Source>) })
    }

    fn groups(&self) -> Later<'_, Vec<GroupState>> {
        Box::pin(async { Ok(self.state().groups.keys().map(|name| GroupState::new(Arc::clone(name))).collect()) })
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Later<'a, Vec<Message>> {
        Box::pin(async move {
            self.state().groups.remove(name).ok_or("no such group")?;
            Ok(Vec::new())
        })
    }

    fn redeliver<'a>(&'a self, group: &'a str, message: Message) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(async move { self.requeue(group, &message) })
    }

    fn dead_letters(&self, query: LetterQuery) -> Later<'_, LetterPage> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let letters = self.state().letters.clone();
            let first = query.after.and_then(|after| letters.iter().position(|letter| letter.id == after));
            let rest = &letters[first.map_or(0, |first| first + 1)..];
            let mut page = LetterPage::default();
            page.letters = rest.iter().take(query.limit).cloned().collect();
            page.next = (rest.len() > query.limit).then(|| page.letters[query.limit - 1].id.clone());
            Ok(page)
        })
    }

    fn end_letters<'a>(
        &'a self,
        ids: &'a [LetterId],
        end: LetterEnd,
    ) -> BoxFuture<'a, Vec<Result<(), eventbus::BoxError>>> {
        Box::pin(async move {
            let one = |id: &LetterId| {
                let letter = {
                    let mut state = self.state();
                    let found = state.letters.iter().position(|letter| letter.id == *id);
                    let at = found.ok_or(LetterError::NotFound)?;
                    let group = &state.letters[at].group;
                    if end == LetterEnd::Replay && state.full_group.as_ref() == Some(group) {
                        return Err(LetterError::Full { group: Arc::clone(group) }.into());
                    }
                    state.letters.remove(at)
                };
                if end == LetterEnd::Replay {
                    self.requeue(&letter.group, &letter.message).map_err(|refusal| format!("{refusal:?}"))?;
                }
                Ok(())
            };
            ids.iter().map(one).collect()
        })
    }

    fn close(&self, _: Duration) -> Later<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.state().closed = true;
        self.shared.1.notify_waiters();
        Box::pin(async { Ok(Vec::new()) })
    }
}

type Held = Arc<Mutex<BTreeMap<LeaseId, (Record, u32)>>>;

struct WireSource {
    wire: Wire,
    group: Arc<str>,
    held: Held,
    closed: Arc<std::sync::atomic::AtomicBool>,
}

impl WireSource {
    /// What is there; `None` if that is nothing.
    fn look(&self, max: usize, into: &mut Vec<Leased>) -> Option<Result<Read, eventbus::BoxError>> {
        let mut state = self.wire.state();
        if state.read_errors > 0 {
            state.read_errors -= 1;
            return Some(Err("the line is dead".into()));
        }
        if state.closed || self.closed.load(std::sync::atomic::Ordering::SeqCst) {
            return Some(Ok(Read::Closed));
        }
        let queue = state.groups.get_mut(&self.group)?;
        let count = queue.len().min(max);
        let taken: Vec<_> = queue.drain(..count).collect();
        for (record, attempts) in &taken {
            state.leases += 1;
            let lease = LeaseId::new(&format!("{:09}", state.leases));
            let attributes = record.attributes.iter().map(|(name, value)| (&**name, &**value));
            let message = match Message::from_attributes(attributes, Arc::clone(&record.data)) {
                Ok(message) => message,
                Err(error) => Message::malformed(&error.to_string(), &record.data),
            };
            into.push(Leased::new(message, lease.clone()).with_attempts(*attempts));
            self.held.lock().unwrap().insert(lease, (record.clone(), *attempts));
        }
        if taken.is_empty() { None } else { Some(Ok(Read::Batch)) }
    }
}

impl Source for WireSource {
    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Later<'a, Read> {
        Box::pin(async move {
            loop {
                let mut changed = std::pin::pin!(self.wire.shared.1.notified());
                changed.as_mut().enable();
                if let Some(answer) = self.look(max, into) {
                    return answer;
                }
                changed.await;
            }
        })
    }

    fn settle(&self, batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        let (wire, group, held) = (self.wire.clone(), Arc::clone(&self.group), Arc::clone(&self.held));
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut state = wire.state();
            if state.settle_errors > 0 {
                state.settle_errors -= 1;
                let unsettled = |leased| Unsettled { leased, is_lost: false, error: "the line is dead".into() };
                return batch.into_iter().map(unsettled).collect();
            }
            for leased in batch.into_iter().rev() {
                let Some((record, _)) = held.lock().unwrap().remove(leased.lease()) else { continue };
                match leased.settlement() {
                    Settlement::Dead { reason } => {
                        let id = LetterId::new(&format!("letter {}", state.letters.len() + 1));
                        let mut letter =
                            Letter::new(id, Arc::clone(&group), leased.message().clone(), Arc::clone(reason));
                        letter.attempts = leased.attempts();
                        state.letters.push(letter);
                    }
                    Settlement::Again { .. } | Settlement::Release => {
                        let attempts = leased.attempts();
                        state.groups.entry(Arc::clone(&group)).or_default().push_front((record, attempts));
                    }
                    _ => {}
                }
            }
            drop(state);
            wire.shared.1.notify_waiters();
            Vec::new()
        })
    }

    fn extend(&self, leases: Vec<LeaseId>) -> Later<'static, Vec<LeaseId>> {
        let wire = self.wire.clone();
        Box::pin(async move {
            wire.state().extended += u32::try_from(leases.len()).unwrap();
            Ok(Vec::new())
        })
    }

    fn close(&self) -> Later<'_, ()> {
        self.closed.store(true, std::sync::atomic::Ordering::SeqCst);
        self.wire.shared.1.notify_waiters();
        Box::pin(async { Ok(()) })
    }
}

impl Drop for WireSource {
    fn drop(&mut self) {
        let held = std::mem::take(&mut *self.held.lock().unwrap());
        let mut state = self.wire.state();
        for (_, record) in held.into_iter().rev() {
            state.groups.entry(Arc::clone(&self.group)).or_default().push_front(record);
        }
        drop(state);
        self.wire.shared.1.notify_waiters();
    }
}
