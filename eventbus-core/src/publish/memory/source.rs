//! A reader of a group of the memory transport.

use std::{mem, sync::Arc, time::Duration};

use event_listener::IntoNotification;

use super::{
    Shared, discard,
    groups::{Opened, Taken, Waiting},
};
use crate::{
    listener::BoxError,
    publish::{BoxFuture, LeaseId, Leased, Settle, Source},
    sync::{Mutex, lock},
};

pub(super) struct MemorySource {
    shared: Arc<Shared>,
    opened: Opened,
    leases: Mutex<Leases>,
}

/// What is handed out and not settled. The id of a lease is its place.
#[derive(Default)]
struct Leases {
    places: Vec<Option<Waiting>>,
    free: Vec<usize>,
}

impl MemorySource {
    pub(super) fn new(shared: Arc<Shared>, opened: Opened) -> Self {
        Self { shared, opened, leases: Mutex::default() }
    }

    fn take(&self, max: usize) -> Result<Vec<Leased>, Option<tokio::time::Instant>> {
        let taken = lock(&self.shared.groups).take(self.opened.at, max);
        match taken {
            Taken::Some(waiting) => {
                // One for each slot, however many have been told of other slots and have not run yet.
                self.shared.space.notify(waiting.len().additional());
                Ok(lock(&self.leases).lease(waiting))
            }
            Taken::Closed => Ok(Vec::new()),
            Taken::Nothing { due } => Err(due),
        }
    }
}

impl Leases {
    fn lease(&mut self, taken: Vec<Waiting>) -> Vec<Leased> {
        let mut leased = Vec::with_capacity(taken.len());
        for mut waiting in taken {
            waiting.attempts += 1;
            let (message, attempt) = (waiting.message.clone(), waiting.attempts);
            let place = if let Some(place) = self.free.pop() {
                self.places[place] = Some(waiting);
                place
            } else {
                self.places.push(Some(waiting));
                self.places.len() - 1
            };
            leased.push(Leased::new(message, attempt, LeaseId(place as u64)));
        }
        leased
    }

    fn end(&mut self, LeaseId(place): LeaseId) -> Option<Waiting> {
        let place = usize::try_from(place).ok()?;
        let waiting = self.places.get_mut(place)?.take()?;
        self.free.push(place);
        Some(waiting)
    }
}

impl Source for MemorySource {
    fn next(&self, max: usize) -> BoxFuture<'_, Result<Vec<Leased>, BoxError>> {
        Box::pin(async move {
            loop {
                if let Ok(leased) = self.take(max) {
                    return Ok(leased);
                }
                // Listens before it looks again, so that nothing is missed in between.
                let available = self.opened.available.listen();
                match self.take(max) {
                    Ok(leased) => return Ok(leased),
                    Err(None) => available.await,
                    Err(Some(due)) => _ = tokio::time::timeout_at(due, available).await,
                }
            }
        })
    }

    fn settle(&self, leases: Vec<(LeaseId, Settle)>) -> Option<BoxFuture<'static, Result<(), BoxError>>> {
        let (mut given, mut done) = (Vec::new(), Vec::new());
        {
            let mut held = lock(&self.leases);
            for (lease, settle) in leases {
                let Some(mut waiting) = held.end(lease) else { continue };
                match settle {
                    Settle::Ack | Settle::Dead { .. } => done.push(waiting.message),
                    Settle::Nack { after, attempts } => {
                        waiting.attempts = attempts;
                        given.push((after, waiting));
                    }
                }
            }
        }
        if !given.is_empty() {
            lock(&self.shared.groups).give_back(self.opened.at, given);
        }
        discard(Some(done));
        None
    }
}

impl Drop for MemorySource {
    /// What is not settled is delivered again.
    fn drop(&mut self) {
        let places = mem::take(&mut lock(&self.leases).places);
        let given: Vec<_> = places.into_iter().flatten().map(|waiting| (Duration::ZERO, waiting)).collect();
        if !given.is_empty() {
            lock(&self.shared.groups).give_back(self.opened.at, given);
        }
    }
}
