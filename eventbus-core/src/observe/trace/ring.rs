//! The bounded memory of a trace.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::record::{Call, Span, TraceRecord};
use crate::{
    listener::ListenerInfo,
    sync::{Mutex, lock},
};

/// The last records, the oldest first. No user code runs under its lock.
pub(super) struct Ring {
    pub(super) capacity: usize,
    records: Mutex<Records>,
}

#[derive(Default)]
struct Records {
    kept: VecDeque<TraceRecord>,
    fallen: u64,
}

impl Records {
    /// Numbers grow from front to back.
    fn find(&mut self, number: u64) -> Option<&mut TraceRecord> {
        let at = self.kept.binary_search_by_key(&number, |record| record.number).ok()?;
        self.kept.get_mut(at)
    }
}

/// Numbers are unique in the process, so that what another bus has traced is not taken for something of this one.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Ring {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { capacity, records: Mutex::default() })
    }

    /// Adds a record, for which the oldest may have to go. Returns its number.
    pub(super) fn add(&self, mut record: TraceRecord) -> u64 {
        let fallen;
        let number;
        {
            let mut records = lock(&self.records);
            number = next_number();
            record.number = number;
            fallen = if records.kept.len() >= self.capacity { records.kept.pop_front() } else { None };
            records.fallen += u64::from(fallen.is_some());
            records.kept.push_back(record);
        }
        drop(fallen);
        number
    }

    /// Adds a call to an emission, if that is still there. Returns its number.
    pub(super) fn add_call(&self, record: u64, listener: &ListenerInfo, span: Span) -> u64 {
        let call = Call { number: next_number(), listener: listener.clone(), span };
        let number = call.number;
        self.change(record, |record| record.add_call(|| call));
        number
    }

    /// Adds a listener to an emission, unless a call of it is there.
    pub(super) fn add_call_once(&self, record: u64, listener: &ListenerInfo, span: Span) {
        self.change(record, |record| {
            if !record.has_called(listener.id()) {
                record.add_call(|| Call { number: next_number(), listener: listener.clone(), span });
            }
        });
    }

    /// Changes a record, if it is still there.
    pub(super) fn change(&self, number: u64, change: impl FnOnce(&mut TraceRecord)) {
        if let Some(record) = lock(&self.records).find(number) {
            change(record);
        }
    }

    /// Changes a call, if its record is still there and has kept it.
    pub(super) fn change_call(&self, record: u64, number: u64, change: impl FnOnce(&mut Call)) {
        self.change(record, |record| {
            if let Some(call) = record.calls.iter_mut().find(|call| call.number == number) {
                change(call);
            }
        });
    }

    /// A copy of the records, and how many are gone.
    pub(super) fn copy(&self) -> (Vec<TraceRecord>, u64) {
        let records = lock(&self.records);
        (records.kept.iter().cloned().collect(), records.fallen)
    }
}
