//! Messages that can be handed out, in chunks: a worker takes a whole chunk by exchanging it for its empty buffer, so that under
//! the lock nothing is copied but what is pushed.

use std::collections::VecDeque;

use crate::transport::Leased;

/// As many as a worker leases at once.
const CHUNK: usize = 64;

/// How many empty chunks are kept: those of a full queue of the default bound.
const SPARES: usize = 16;

#[derive(Default)]
pub(super) struct Ready {
    len: usize,
    /// The oldest, the last one first: of a chunk that was taken in part, and what was put back.
    front: Vec<Leased>,
    /// Chunks that are not pushed to any more.
    chunks: VecDeque<Vec<Leased>>,
    /// The newest.
    back: Vec<Leased>,
    /// Room for the next chunks.
    spares: Vec<Vec<Leased>>,
}

impl Ready {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push_back(&mut self, leased: Leased) {
        self.len += 1;
        self.back.push(leased);
        if self.back.len() == CHUNK {
            self.end_chunk();
        }
    }

    fn end_chunk(&mut self) {
        let next = self.spares.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
        self.chunks.push_back(std::mem::replace(&mut self.back, next));
    }

    pub(super) fn push_front(&mut self, leased: Leased) {
        self.len += 1;
        self.front.push(leased);
    }

    /// Moves up to `max` messages into `into`, the oldest first; how many. They are fewer than there are only if `max` is a whole
    /// chunk or more, and the next chunk would have to be split: the next call takes that as a whole.
    pub(super) fn take(&mut self, max: usize, into: &mut Vec<Leased>) -> usize {
        let most = self.len.min(max);
        let mut left = most;
        while left > 0 {
            if self.front.is_empty() {
                let mut chunk = self.next_chunk();
                if chunk.len() <= left {
                    left -= chunk.len();
                    if into.is_empty() {
                        std::mem::swap(into, &mut chunk);
                    } else {
                        into.append(&mut chunk);
                    }
                    self.keep(chunk);
                    continue;
                }
                if max >= CHUNK && left < most {
                    self.chunks.push_front(chunk);
                    break;
                }
                self.open(chunk);
            }
            let taken = left.min(self.front.len());
            into.extend(self.front.drain(self.front.len() - taken..).rev());
            left -= taken;
        }
        let count = most - left;
        self.len -= count;
        count
    }

    pub(super) fn pop_front(&mut self) -> Option<Leased> {
        if self.len == 0 {
            return None;
        }
        if self.front.is_empty() {
            let chunk = self.next_chunk();
            self.open(chunk);
        }
        self.len -= 1;
        self.front.pop()
    }

    /// The oldest.
    pub(super) fn first(&self) -> Option<&Leased> {
        self.iter().next()
    }

    /// All, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Leased> {
        self.front.iter().rev().chain(self.chunks.iter().flatten()).chain(&self.back)
    }

    /// All, the oldest first.
    pub(super) fn into_iter(self) -> impl Iterator<Item = Leased> {
        self.front.into_iter().rev().chain(self.chunks.into_iter().flatten()).chain(self.back)
    }

    fn next_chunk(&mut self) -> Vec<Leased> {
        self.chunks
            .pop_front()
            .unwrap_or_else(|| std::mem::replace(&mut self.back, self.spares.pop().unwrap_or_default()))
    }

    /// Makes a chunk the front, which is empty.
    fn open(&mut self, mut chunk: Vec<Leased>) {
        chunk.reverse();
        let empty = std::mem::replace(&mut self.front, chunk);
        self.keep(empty);
    }

    /// Keeps the room of an empty chunk.
    #[inline]
    fn keep(&mut self, chunk: Vec<Leased>) {
        if chunk.capacity() >= CHUNK && self.spares.len() < SPARES {
            self.spares.push(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::{CHUNK, Ready, SPARES};
    use crate::transport::{LeaseId, Leased, Message};

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        PutBack,
        Take(usize),
        Pop,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1..200_usize).prop_map(Step::Push),
            Just(Step::PutBack),
            (1..150_usize).prop_map(Step::Take),
            Just(Step::Pop),
        ];
        prop::collection::vec(step, 1..60)
    }

    fn leased(number: u32) -> Leased {
        Leased::new(Message::malformed("", b""), LeaseId::NONE).with_attempts(number)
    }

    #[test]
    fn emptied_chunks_leave_their_room_to_the_next_ones_up_to_a_bound() {
        let mut ready = Ready::default();
        let fill = |ready: &mut Ready, chunks: usize| (0..chunks * CHUNK).for_each(|_| ready.push_back(leased(0)));
        fill(&mut ready, SPARES + 4);
        // The first chunk is handed out as it is, for a buffer without room; the others are emptied.
        assert_eq!(ready.take(usize::MAX, &mut Vec::new()), (SPARES + 4) * CHUNK);
        assert_eq!(ready.spares.len(), SPARES);
        assert!(ready.spares.iter().all(|chunk| chunk.is_empty() && chunk.capacity() >= CHUNK));
        fill(&mut ready, 3);
        assert_eq!(ready.spares.len(), SPARES - 3);
    }

    proptest! {
        #[test]
        fn it_behaves_as_one_queue_whatever_its_chunks(steps in steps()) {
            let (mut ready, mut model, mut next) = (Ready::default(), VecDeque::new(), 0);
            let mut buffer = Vec::new();
            for step in steps {
                match step {
                    Step::Push(count) => for _ in 0..count {
                        next += 1;
                        ready.push_back(leased(next));
                        model.push_back(next);
                    },
                    Step::PutBack => {
                        next += 1;
                        ready.push_front(leased(next));
                        model.push_front(next);
                    }
                    Step::Take(max) => {
                        buffer.clear();
                        let count = ready.take(max, &mut buffer);
                        let most = max.min(model.len());
                        prop_assert!(count == most || max >= CHUNK && (1..most).contains(&count));
                        let expected: Vec<_> = model.drain(..count).collect();
                        prop_assert_eq!(buffer.iter().map(Leased::attempts).collect::<Vec<_>>(), expected);
                    }
                    Step::Pop => prop_assert_eq!(ready.pop_front().map(|one| one.attempts()), model.pop_front()),
                }
                prop_assert_eq!(ready.len(), model.len());
                prop_assert_eq!(ready.first().map(Leased::attempts), model.front().copied());
                prop_assert!(ready.iter().map(Leased::attempts).eq(model.iter().copied()));
            }
            prop_assert!(ready.into_iter().map(|one| one.attempts()).eq(model));
        }
    }
}
