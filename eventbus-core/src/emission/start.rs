//! Starts the listeners of a snapshot that are awaited.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    admission::{Admission, admit},
    guards::CallGuard,
    handle::BusState,
    listener_task::ListenerTask,
    options::Stops,
    pending::Pending,
    run::call_isolated,
    task::{self, Detached, Task},
    wait::{Wait, task_timer},
    waking::Waking,
    work::Work,
};
use crate::{
    call::{AnyEvent, CallContext, Deadline, ListenerFuture, panicked},
    event::{isolate, panic_message},
    listener::{ListenerKind, NotRun, Outcome},
    registry::{Code, ErasedCall, FutureCall, Member, Slot, Snapshot},
};

/// What the listeners of one emission are started with.
pub(super) struct StartContext<'a, 'c> {
    pub(super) bus: &'a Arc<BusState>,
    pub(super) slot: &'a Slot,
    pub(super) event: &'a AnyEvent<'static>,
    pub(super) wait: &'a Wait<'a>,
    pub(super) waking: &'a Waking<'a>,
    pub(super) context: &'a mut CallContext<'c>,
    pub(super) stops: &'a mut Stops,
    pub(super) deadline: Option<Deadline>,
    /// Whether each listener asks before it is started: for stops, a deadline, or interceptors.
    pub(super) asks: bool,
    pub(super) pending: Pending,
}

/// Starts the listeners in order and polls each once where it stands; returns those that have not ended. Stops where the
/// emission does: the rest is then not started. The frame must be set.
pub(super) fn start_awaited(snapshot: &Snapshot, mut start: StartContext<'_, '_>, cx: &mut Context<'_>) -> Pending {
    start.context.at = snapshot.sync_len;
    snapshot.awaited.iter().for_each(|chunk| start.chunk(&chunk.members, cx));
    start.pending
}

impl StartContext<'_, '_> {
    /// One landing pad for the loop, as for synchronous listeners.
    fn chunk(&mut self, members: &[Member], cx: &mut Context<'_>) {
        let first = self.context.at;
        loop {
            let done = self.context.at - first;
            let failed = self.context.failures().len();
            // Outside of the landing pad: a future whose poll panics is not dropped while that panic unwinds.
            let mut future = None;
            let ended = catch_unwind(AssertUnwindSafe(|| {
                for member in &members[done..] {
                    self.context.at += 1;
                    match member.code() {
                        Code::Future(code) if member.entry.is_plain() && !self.asks => {
                            self.poll_once(&**code, &mut future, cx);
                        }
                        code => {
                            if !self.start_asking(member, code, cx) {
                                return;
                            }
                        }
                    }
                }
            }));
            match ended {
                Ok(()) => return,
                Err(payload) => {
                    self.panicked(&panic_message(payload), failed);
                    let _ = isolate(|| drop(future));
                }
            }
        }
    }

    /// Calls a listener for its future and polls that.
    #[inline]
    fn poll_once(&mut self, code: &dyn FutureCall, future: &mut Option<ListenerFuture>, cx: &mut Context<'_>) {
        match future.insert(code.start(self.event, self.context)).as_mut().poll(cx) {
            Poll::Ready(Ok(())) => drop(future.take()),
            Poll::Ready(Err(error)) => {
                self.context.failed(error);
                drop(future.take());
            }
            Poll::Pending => {
                if let Some(future) = future.take() {
                    self.pending.push_plain(self.index(), future);
                }
            }
        }
    }

    /// Notes a panic of the listener that runs, unless it has failed before: its first failure counts.
    fn panicked(&mut self, message: &Arc<str>, failed: usize) {
        let index = self.index();
        if !self.context.failures()[failed..].iter().any(|(at, _)| *at == index) {
            self.context.add(panicked(message));
        }
    }

    /// The index of the listener that is started.
    fn index(&self) -> usize {
        self.context.at - 1
    }

    /// Starts a listener that has something to ask; `false` if the emission stops before it.
    #[cold]
    #[inline(never)]
    fn start_asking(&mut self, member: &Member, code: &Code, cx: &mut Context<'_>) -> bool {
        if self.context.stopped().is_none() {
            self.context.notes().stopped = self.stops.stop_now(self.deadline, self.waking);
        }
        if self.context.stopped().is_some() {
            self.context.at -= 1;
            return false;
        }
        self.slot.count_call(&member.entry);
        match admit(self.bus, self.slot, &member.entry, self.event, self.waking.mode(), || self.means(member)) {
            Admission::Call(guard) => {
                self.start_admitted(member, code, guard.measured(&member.entry), cx);
                return true;
            }
            Admission::Skip => self.context.skipped += 1,
            Admission::Refused(why) => self.context.add(Outcome::NotRun(why)),
        }
        self.slot.take_call_back(&member.entry);
        true
    }

    /// Whether there is what the listener needs to be started.
    fn means(&self, member: &Member) -> Result<(), NotRun> {
        let entry = &member.entry;
        match entry.info.kind {
            ListenerKind::Blocking => self.wait.pool(entry.timeout).map(drop),
            ListenerKind::Spawned if self.wait.runtime().is_none() => Err(NotRun::NoRuntime),
            _ => self.wait.limit(entry.timeout).map(drop),
        }
    }

    fn start_admitted(&mut self, member: &Member, code: &Code, mut guard: CallGuard, cx: &mut Context<'_>) {
        let started = match code {
            Code::Future(code) if member.entry.info.kind == ListenerKind::Spawned => {
                self.spawn(member, &**code, &mut guard)
            }
            Code::Future(code) => self.inline(member, &**code, &mut guard),
            Code::Blocking(code) | Code::Sync(code) => self.blocking(member, code, &mut guard),
        };
        match started {
            Ok(None) => {}
            Ok(Some(mut work)) => match work.poll(cx) {
                Poll::Pending => self.pending.push(work),
                Poll::Ready(None) => {}
                Poll::Ready(Some(outcome)) => self.context.add(outcome),
            },
            Err(outcome) => {
                guard.end(Some(&outcome));
                self.context.add(outcome);
            }
        }
    }

    fn inline(&mut self, member: &Member, code: &dyn FutureCall, guard: &mut CallGuard) -> Started {
        let limit = self.wait.limit(member.entry.timeout).map_err(Outcome::NotRun)?;
        let guard = std::mem::replace(guard, CallGuard::none());
        let task = ListenerTask::start(guard, || code.start(self.event, self.context))?;
        Ok(Some(Work::inline(self.index(), task).limited(limit)))
    }

    fn spawn(&mut self, member: &Member, code: &dyn FutureCall, guard: &mut CallGuard) -> Started {
        let Some(runtime) = self.wait.runtime() else { return Err(Outcome::NotRun(NotRun::NoRuntime)) };
        let timer = task_timer(runtime, member.entry.timeout).map_err(Outcome::NotRun)?;
        let detached = self.detached(member, guard);
        let task = task::spawn(runtime, detached, timer, || code.start(self.event, self.context))?;
        Ok(Some(Work::task(self.index(), task)))
    }

    /// On the pool; on this thread where that may block and has no limit of time to keep.
    fn blocking(&mut self, member: &Member, code: &Arc<dyn ErasedCall>, guard: &mut CallGuard) -> Started {
        let timeout = member.entry.timeout;
        let Some(pool) = self.wait.pool(timeout).map_err(Outcome::NotRun)? else {
            self.call_here(&**code, std::mem::replace(guard, CallGuard::none()));
            return Ok(None);
        };
        let limit = self.wait.limit(timeout).map_err(Outcome::NotRun)?;
        let detached = self.detached(member, guard);
        let signal = self.context.signal();
        let task: Task = task::spawn_blocking(pool, detached, Arc::clone(code), self.event.clone(), signal)?;
        Ok(Some(Work::task(self.index(), task).limited(limit)))
    }

    fn call_here(&mut self, code: &dyn ErasedCall, guard: CallGuard) {
        let (context, event) = (&mut *self.context, self.event);
        self.wait.block(|| call_isolated(guard, context, |context| code.call(event, context)));
    }

    fn detached(&self, member: &Member, guard: &mut CallGuard) -> Detached {
        Detached {
            bus: Arc::clone(self.bus),
            entry: Arc::clone(&member.entry),
            subject: self.event.subject().clone(),
            guard: std::mem::replace(guard, CallGuard::none()),
        }
    }
}

/// A listener under way; `None` if it has run on this thread.
type Started = Result<Option<Work>, Outcome>;
