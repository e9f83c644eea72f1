//! A transport of somebody else, written from the public interface: it carries bytes, answers late, and fails when told to.

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use eventbus::{
    BoxError, BoxFuture, Capabilities, Group, GroupState, LeaseId, Leased, Message, Refused, Settle, Source, Transport,
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
    /// Group, reason, attempts.
    pub(crate) dead: Vec<(String, String, u32)>,
    pub(crate) groups: BTreeMap<Arc<str>, VecDeque<(Record, u32)>>,
    closed: bool,
    leases: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Wire {
    shared: Arc<(Mutex<State>, Notify)>,
    pub(crate) lease: Option<Duration>,
}

impl Wire {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }

    /// What another program writes.
    pub(crate) fn write(&self, attributes: &[(&str, &str)], data: &str) {
        let attributes = attributes.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.push(&Record { attributes, data: data.as_bytes().into() });
    }

    fn push(&self, record: &Record) {
        for queue in self.state().groups.values_mut() {
            queue.push_back((record.clone(), 0));
        }
        self.shared.1.notify_waiters();
    }

    fn take(&self, message: Message) -> Result<(), Refused> {
        let data = match message.data() {
            Ok(data) => data,
            Err(error) => return Err(Refused::Unwritable(message, error.into())),
        };
        if self.state().closed {
            return Err(Refused::Closed(message));
        }
        self.push(&Record { attributes: owned(&message), data });
        Ok(())
    }
}

fn owned(message: &Message) -> Vec<(String, String)> {
    message.attributes().into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
}

impl Transport for Wire {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::IN_PROCESS;
        (capabilities.needs_codec, capabilities.lease) = (true, self.lease);
        capabilities
    }

    fn publish(&self, batch: Vec<Message>) -> BoxFuture<'_, Vec<Result<(), Refused>>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let answer = self.state().answer;
            let full = |message| Err(Refused::Full { message, wait: true });
            match answer {
                Answer::Well => batch.into_iter().map(|message| self.take(message)).collect(),
                Answer::Silent => pending().await,
                Answer::SilentAndKept => {
                    self.state().kept.extend(batch);
                    pending().await
                }
                Answer::Nothing => Vec::new(),
                Answer::Full | Answer::FullAfterASecond => batch.into_iter().map(full).collect(),
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

    fn subscribe(&self, group: Group) -> BoxFuture<'_, Result<Arc<dyn Source>, BoxError>> {
        self.state().groups.entry(Arc::clone(&group.name)).or_default();
        let source = WireSource { wire: self.clone(), group: group.name, held: Arc::default() };
        Box::pin(async move { Ok(Arc::new(source) as Arc<dyn Source>) })
    }

    fn requeue(&self, group: &str, message: Message) -> BoxFuture<'_, Result<(), Refused>> {
        let group = group.to_owned();
        Box::pin(async move {
            let Ok(data) = message.data() else { return Err(Refused::Closed(message)) };
            let record = Record { attributes: owned(&message), data };
            match self.state().groups.get_mut(&*group) {
                Some(queue) => queue.push_back((record, 0)),
                None => return Err(Refused::Closed(message)),
            }
            self.shared.1.notify_waiters();
            Ok(())
        })
    }

    fn groups(&self) -> Vec<GroupState> {
        self.state().groups.keys().map(|name| GroupState::new(Arc::clone(name))).collect()
    }

    fn close(&self, _: Duration) -> BoxFuture<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.state().closed = true;
        self.shared.1.notify_waiters();
        Box::pin(async { Vec::new() })
    }
}

type Held = Arc<Mutex<BTreeMap<LeaseId, (Record, u32)>>>;

struct WireSource {
    wire: Wire,
    group: Arc<str>,
    held: Held,
}

impl WireSource {
    /// What is there; `None` if that is nothing.
    fn look(&self, max: usize) -> Option<Result<Vec<Leased>, BoxError>> {
        let mut state = self.wire.state();
        if state.read_errors > 0 {
            state.read_errors -= 1;
            return Some(Err("the line is dead".into()));
        }
        if state.closed {
            return Some(Ok(Vec::new()));
        }
        let queue = state.groups.get_mut(&self.group)?;
        let count = queue.len().min(max);
        let taken: Vec<_> = queue.drain(..count).collect();
        let mut leased = Vec::new();
        for (record, attempts) in taken {
            state.leases += 1;
            let lease = LeaseId(state.leases);
            let attributes = record.attributes.iter().map(|(name, value)| (&**name, &**value));
            // What is malformed is nobody's: this transport passes it over.
            let Ok(message) = Message::from_attributes(attributes, Arc::clone(&record.data)) else { continue };
            leased.push(Leased::new(message, attempts + 1, lease));
            self.held.lock().unwrap().insert(lease, (record, attempts + 1));
        }
        if leased.is_empty() { None } else { Some(Ok(leased)) }
    }
}

impl Source for WireSource {
    fn next(&self, max: usize) -> BoxFuture<'_, Result<Vec<Leased>, BoxError>> {
        Box::pin(async move {
            loop {
                let mut changed = std::pin::pin!(self.wire.shared.1.notified());
                changed.as_mut().enable();
                if let Some(answer) = self.look(max) {
                    return answer;
                }
                changed.await;
            }
        })
    }

    fn settle(&self, leases: Vec<(LeaseId, Settle)>) -> Option<BoxFuture<'static, Result<(), BoxError>>> {
        let (wire, group, held) = (self.wire.clone(), Arc::clone(&self.group), Arc::clone(&self.held));
        Some(Box::pin(async move {
            tokio::task::yield_now().await;
            let mut state = wire.state();
            if state.settle_errors > 0 {
                state.settle_errors -= 1;
                return Err("the line is dead".into());
            }
            for (lease, settle) in leases.into_iter().rev() {
                let Some((record, _)) = held.lock().unwrap().remove(&lease) else { continue };
                match settle {
                    Settle::Dead { reason, attempts } => {
                        state.dead.push(((*group).to_owned(), (*reason).to_owned(), attempts));
                    }
                    Settle::Nack { attempts, .. } => {
                        state.groups.entry(Arc::clone(&group)).or_default().push_front((record, attempts));
                    }
                    _ => {}
                }
            }
            drop(state);
            wire.shared.1.notify_waiters();
            Ok(())
        }))
    }

    fn extend(&self, leases: &[LeaseId]) -> BoxFuture<'static, Result<(), BoxError>> {
        let (wire, count) = (self.wire.clone(), leases.len());
        Box::pin(async move {
            wire.state().extended += u32::try_from(count).unwrap();
            Ok(())
        })
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
