//! Which deliveries were taken in lately, so that one that comes again is not handled again.
//!
//! This is all that knows of it: a consumer that tells duplicates itself would take its place.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use eventbus::MessageId;
use tokio_util::sync::CancellationToken;

/// The deliveries that were taken in lately; bounded by their number and by time.
///
/// It is no protection against who records a signed request and sends it again: GitHub signs the body, not the GUID.
#[derive(Debug)]
pub(super) struct Seen {
    entries: Mutex<Entries>,
    most: usize,
    window: Duration,
}

#[derive(Debug, Default)]
struct Entries {
    states: HashMap<MessageId, State>,
    /// Those that were taken in, oldest first.
    taken: VecDeque<(Instant, MessageId)>,
}

#[derive(Debug)]
enum State {
    /// Somebody is about to take it in; cancelled when that has ended, well or not.
    Pending(CancellationToken),
    Taken,
}

/// The right to take a delivery in. Dropped without [`keep`](Self::keep), the delivery was not taken in and may come again.
#[derive(Debug)]
pub(super) struct Claim<'s> {
    seen: &'s Seen,
    id: MessageId,
    at: Instant,
}

impl Seen {
    /// Remembers at most `most` deliveries, none for longer than `window`.
    pub(super) fn new(most: usize, window: Duration) -> Self {
        Self { entries: Mutex::default(), most, window }
    }

    /// Claims a delivery that comes at `now`; `None` if it was taken in before. While another request is about to take it in, this waits for how
    /// that ends.
    pub(super) async fn claim(&self, id: MessageId, now: Instant) -> Option<Claim<'_>> {
        loop {
            let ended = {
                let mut entries = self.entries();
                entries.forget(self.most, self.window, now);
                match entries.states.get(&id) {
                    Some(State::Taken) => return None,
                    Some(State::Pending(ended)) => ended.clone(),
                    None => {
                        entries.states.insert(id, State::Pending(CancellationToken::new()));
                        return Some(Claim { seen: self, id, at: now });
                    }
                }
            };
            ended.cancelled().await;
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// Forgets the oldest.
    fn forget(&mut self, most: usize, window: Duration, now: Instant) {
        while let Some((at, id)) = self.taken.front()
            && (self.taken.len() > most || now.saturating_duration_since(*at) > window)
        {
            self.states.remove(id);
            self.taken.pop_front();
        }
    }
}

impl Claim<'_> {
    /// The delivery was taken in.
    pub(super) fn keep(self) {
        let mut entries = self.seen.entries();
        if let Some(State::Pending(ended)) = entries.states.insert(self.id, State::Taken) {
            ended.cancel();
        }
        entries.taken.push_back((self.at, self.id));
        entries.forget(self.seen.most, self.seen.window, self.at);
        drop(entries);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut entries = self.seen.entries();
        if let Some(State::Pending(ended)) = entries.states.get(&self.id) {
            ended.cancel();
            entries.states.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use eventbus::MessageId;

    use super::Seen;

    const WINDOW: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_delivery_is_taken_in_once_within_the_window_and_again_after_it() {
        let (seen, id, start) = (Seen::new(10, WINDOW), MessageId::new(), Instant::now());
        seen.claim(id, start).await.expect("it is new").keep();
        assert!(seen.claim(id, start).await.is_none());
        assert!(seen.claim(id, start + WINDOW).await.is_none());
        assert!(seen.claim(id, start + WINDOW + Duration::from_nanos(1)).await.is_some());
    }

    #[tokio::test]
    async fn who_comes_meanwhile_waits_for_how_the_first_one_ends() {
        let (seen, id, now) = (Seen::new(10, WINDOW), MessageId::new(), Instant::now());
        for is_taken_in in [false, true] {
            let first = seen.claim(id, now).await.expect("nobody has taken it in");
            let mut second = std::pin::pin!(seen.claim(id, now));
            tokio::select! {
                biased;
                _ = &mut second => panic!("it waits"),
                () = std::future::ready(()) => {}
            }
            if is_taken_in {
                first.keep();
            } else {
                drop(first);
            }
            assert_eq!(second.await.is_none(), is_taken_in);
        }
    }

    #[tokio::test]
    async fn of_many_deliveries_the_newest_are_remembered() {
        let (seen, now) = (Seen::new(100, WINDOW), Instant::now());
        for id in 0..100_000 {
            seen.claim(MessageId::from_u128(id), now).await.expect("it is new").keep();
        }
        assert!(seen.claim(MessageId::from_u128(99_900), now).await.is_none());
        assert!(seen.claim(MessageId::from_u128(99_899), now).await.is_some());
        let entries = seen.entries();
        assert_eq!((entries.states.len(), entries.taken.len()), (100, 100));
        assert!(entries.states.capacity() < 1_000 && entries.taken.capacity() < 1_000);
    }
}
