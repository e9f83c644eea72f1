//! What a stream and its listener share: the events between them.
//!
//! Wakers and events are code of users: both are dropped, and wakers called, after the lock has been given back (promise P2).

use std::{collections::VecDeque, task::Waker};

use super::{Lagged, StreamFull};
use crate::{
    event::isolate,
    sync::{Mutex, lock},
    transport::Overflow,
};

/// How many events a stream holds unless stated.
pub(super) const CAPACITY: usize = 1024;

/// The events that a listener has put in and a stream has not taken out.
pub(super) struct Buffer<T>(Mutex<BufferState<T>>);

struct BufferState<T> {
    /// What the reader gets, in order.
    slots: VecDeque<BufferSlot<T>>,
    /// How many of them are events.
    len: usize,
    capacity: usize,
    overflow: Overflow,
    /// Nothing comes in any more.
    closed: bool,
    /// The stream was made, or read for the last time, inside a handler of its own bus.
    read_inside: bool,
    reader: Option<Waker>,
    /// Those for which there was no room, in the order of their tickets. Only where the stream waits.
    waiting: VecDeque<WaitingReader<T>>,
    next_ticket: u64,
}

enum BufferSlot<T> {
    Event(T),
    /// So many events are missing here.
    Gap(u64),
}

struct WaitingReader<T> {
    ticket: u64,
    event: T,
    writer: Waker,
}

/// What became of an event that was put in.
pub(super) enum Put {
    Done,
    /// It is in, or not, and an event was lost for that.
    Lost,
    /// It waits for room, under this ticket.
    Waits(u64),
}

/// What a reader finds.
pub(super) enum ReadResult<T> {
    Event(Result<T, Lagged>),
    Empty,
    Ended,
}

impl<T> Buffer<T> {
    pub(super) fn new(read_inside: bool) -> Self {
        Self(Mutex::new(BufferState {
            slots: VecDeque::new(),
            len: 0,
            capacity: CAPACITY,
            overflow: Overflow::DropOldest,
            closed: false,
            read_inside,
            reader: None,
            waiting: VecDeque::new(),
            next_ticket: 0,
        }))
    }

    /// Puts an event in. If it is to wait, `writer` is woken when it is in; `inside` says that it comes out of a handler of the
    /// bus, which must not wait for a reader that is in one, too.
    pub(super) fn put(&self, event: T, writer: &Waker, inside: bool) -> Result<Put, StreamFull> {
        let writer = writer.clone();
        let mut evicted = None;
        let mut reader = None;
        let result = {
            let state = &mut *lock(&self.0);
            if state.closed {
                // It came too late, and is dropped outside.
                evicted = Some(event);
                Ok(Put::Done)
            } else if state.has_room() || state.overflow == Overflow::DropOldest {
                let lost = !state.has_room();
                if lost {
                    evicted = state.evict();
                }
                state.push(event);
                reader = state.reader.take();
                Ok(if lost { Put::Lost } else { Put::Done })
            } else if state.overflow == Overflow::DropNewest {
                state.miss();
                evicted = Some(event);
                Ok(Put::Lost)
            } else if state.overflow == Overflow::Fail {
                evicted = Some(event);
                Err(StreamFull::NoRoom)
            } else if inside && state.read_inside {
                evicted = Some(event);
                Err(StreamFull::WaitsForItself)
            } else {
                let ticket = state.next_ticket;
                state.next_ticket += 1;
                state.waiting.push_back(WaitingReader { ticket, event, writer });
                return Ok(Put::Waits(ticket));
            }
        };
        wake(reader);
        drop(evicted);
        result
    }

    /// Whether an event that waited is in; if not, `writer` is woken when it is.
    pub(super) fn is_in(&self, ticket: u64, writer: &Waker) -> bool {
        let mut writer = writer.clone();
        let state = &mut *lock(&self.0);
        let Some(at) = state.place_of(ticket) else { return true };
        std::mem::swap(&mut state.waiting[at].writer, &mut writer);
        // Declared before the lock was taken, the old waker is dropped after it has been given back.
        false
    }

    /// Takes an event back that waits for room; it may be in already.
    pub(super) fn take_back(&self, ticket: u64) {
        let taken = {
            let state = &mut *lock(&self.0);
            state.place_of(ticket).and_then(|at| state.waiting.remove(at))
        };
        drop(taken);
    }

    /// Takes the next event out. If there is none yet, `reader` is woken when there is.
    pub(super) fn take(&self, reader: Option<&Waker>, inside: bool) -> ReadResult<T> {
        let mut reader = reader.cloned();
        let (found, woken) = {
            let state = &mut *lock(&self.0);
            state.read_inside = inside;
            match state.slots.pop_front() {
                Some(BufferSlot::Event(event)) => {
                    state.len -= 1;
                    (ReadResult::Event(Ok(event)), state.admit())
                }
                Some(BufferSlot::Gap(missed)) => (ReadResult::Event(Err(Lagged { missed })), Vec::new()),
                None if state.closed => (ReadResult::Ended, Vec::new()),
                None => {
                    if reader.is_some() {
                        std::mem::swap(&mut state.reader, &mut reader);
                    }
                    (ReadResult::Empty, Vec::new())
                }
            }
        };
        wake(woken);
        found
    }

    /// Sets the capacity: what has no room any more makes room, or is let in.
    pub(super) fn set_capacity(&self, capacity: usize) {
        self.change(|state| state.capacity = capacity.max(1));
    }

    /// Sets what happens when it is full.
    pub(super) fn set_overflow(&self, overflow: Overflow) {
        self.change(|state| state.overflow = overflow);
    }

    fn change(&self, change: impl FnOnce(&mut BufferState<T>)) {
        let (woken, evicted) = {
            let state = &mut *lock(&self.0);
            change(state);
            let mut evicted = Vec::new();
            while state.overflow != Overflow::Wait && state.len > state.capacity {
                evicted.extend(state.evict());
            }
            (state.admit(), evicted)
        };
        wake(woken);
        drop(evicted);
    }

    /// Lets nothing in any more. What waits for room is let in, whatever the capacity: nobody should wait for a reader that does
    /// not want more.
    pub(super) fn close(&self) {
        let (reader, woken) = {
            let state = &mut *lock(&self.0);
            state.closed = true;
            (state.reader.take(), state.admit())
        };
        wake(reader);
        wake(woken);
    }

    /// Closes it and forgets what is in it: there is no reader any more.
    pub(super) fn abandon(&self) {
        self.close();
        let left = {
            let state = &mut *lock(&self.0);
            std::mem::take(&mut state.slots)
        };
        drop(left);
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.0).len
    }
}

impl<T> BufferState<T> {
    fn push(&mut self, event: T) {
        self.slots.push_back(BufferSlot::Event(event));
        self.len += 1;
    }

    /// An event is missing behind those that are there.
    fn miss(&mut self) {
        match self.slots.back_mut() {
            Some(BufferSlot::Gap(missed)) => *missed += 1,
            _ => self.slots.push_back(BufferSlot::Gap(1)),
        }
    }

    /// Takes the oldest event out, which is missing from then on.
    fn evict(&mut self) -> Option<T> {
        let mut missed = 1;
        loop {
            match self.slots.pop_front()? {
                BufferSlot::Gap(more) => missed += more,
                BufferSlot::Event(event) => {
                    self.len -= 1;
                    if let Some(BufferSlot::Gap(more)) = self.slots.front_mut() {
                        *more += missed;
                    } else {
                        self.slots.push_front(BufferSlot::Gap(missed));
                    }
                    return Some(event);
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        self.len < self.capacity
    }

    /// Where the event with this ticket waits. Tickets grow.
    fn place_of(&self, ticket: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()
    }

    /// Lets in what waits, as far as there is room; whom to wake for it.
    fn admit(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        while self.closed || self.has_room() {
            let Some(WaitingReader { event, writer, .. }) = self.waiting.pop_front() else { break };
            self.push(event);
            woken.push(writer);
        }
        woken
    }
}

/// Wakes them; one that panics keeps none of the others asleep.
fn wake(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        // The panic hook has shown it, and nobody who calls this is to blame.
        let _ = isolate(|| waker.wake());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_at_the_front_grows_by_each_event_that_is_dropped_behind_it() {
        let buffer = Buffer::new(false);
        let put = |event: u32| buffer.put(event, Waker::noop(), false).is_ok();
        buffer.set_capacity(1);
        buffer.set_overflow(Overflow::DropNewest);
        assert!(put(1) && put(2));
        assert!(matches!(buffer.take(None, false), ReadResult::Event(Ok(1))));
        buffer.set_overflow(Overflow::DropOldest);
        assert!(put(3) && put(4) && put(5));
        assert!(matches!(buffer.take(None, false), ReadResult::Event(Err(Lagged { missed: 3 }))), "2, 3 and 4");
        assert!(matches!(buffer.take(None, false), ReadResult::Event(Ok(5))));
    }
}
