//! Properties of a bus over the transport.

mod consuming;
mod duplicates;
mod ending;
mod failing;
mod keys;
mod troubles;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use eventbus::{
    Bus, Delivery, Retry,
    transport::{Operation, Transport},
};

use crate::{
    Property,
    lab::Lab,
    messages::{Note, event},
    outcome::{Checked, broken, ensure},
};

pub(crate) const ALL: &[&[Property]] =
    &[consuming::ALL, duplicates::ALL, failing::ALL, keys::ALL, ending::ALL, troubles::ALL];

/// What handlers note.
#[derive(Debug)]
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Log<T> {
    fn all(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, one: T) {
        self.all().push(one);
    }

    fn len(&self) -> usize {
        self.all().len()
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.all())
    }
}

/// The errors of a transport.
type Errors = Log<(Operation, String)>;

/// A bus over a transport, and the errors of that.
fn bus_over(transport: Arc<dyn Transport>) -> (Bus, Errors) {
    let errors = Log::default();
    let noted = errors.clone();
    let builder = Bus::builder().transport(transport).on_failure(|_| {}).on_dead_letter(|_| {}).on_warning(|_| {});
    (builder.on_transport_error(move |error| noted.add((error.operation(), error.to_string()))).build(), errors)
}

/// Tries again soon, so many times in all.
fn soon(attempts: u32) -> Retry {
    Retry::fixed(Duration::from_millis(5)).max_attempts(attempts)
}

/// A consumer that notes the numbers of all notes.
async fn noting(bus: &Bus) -> Checked<Log<u64>> {
    let done = Log::default();
    let log = done.clone();
    let handler = move |e: Arc<Note>, _: Delivery| {
        log.add(e.number);
        async {}
    };
    consuming::started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    Ok(done)
}

impl Lab {
    fn bus(&self) -> (Bus, Errors) {
        bus_over(self.transport())
    }

    /// Publishes notes that must be taken.
    async fn publish_notes(&self, bus: &Bus, numbers: std::ops::Range<u64>) -> Checked {
        let results = self.answers("T2", "publish", bus.publish_all(numbers.map(event))).await?;
        let errors: Vec<_> =
            results.iter().filter_map(|result| result.as_ref().err().map(ToString::to_string)).collect();
        ensure(errors.is_empty(), "T1", "each event is taken", errors)
    }

    /// Waits until a bus has handled everything, and that is so. The counts of a release may take half of what the property has.
    async fn drained(&self, bus: &Bus, clause: &str) -> Checked {
        let wait = self.limits.patience + self.can.lease.unwrap_or_default();
        let wait = if self.limits.is_full { wait.max(self.limits.longest / 2) } else { wait };
        let drained = bus.drained(wait).await;
        drained.map_err(|error| broken(clause, "everything is handled", error.to_string()))
    }

    /// Shuts a bus down that is to have no error and no work left.
    async fn shut_down(&self, bus: Bus, errors: &Errors) -> Checked {
        let report = bus.shutdown(self.limits.patience).await;
        ensure(report.is_clean(), "T33", "a clean shutdown", report.to_string())?;
        let errors = errors.take();
        ensure(errors.is_empty(), "T33", "no error of the transport", errors)
    }
}
