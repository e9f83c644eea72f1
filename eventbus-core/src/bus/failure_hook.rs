//! Where failures go that nobody reads (promise P6).
//!
//! With a hook of the user's: each failure goes to it when its emission ends. Without one: a report remembers whether
//! anybody looked at its failures, and one that is dropped unread writes them to stderr. So nothing is lost in silence,
//! and a program that handles its reports is not told everything twice.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    dispatch::{Frame, Isolated, isolate, to_stderr},
    listener::{Failure, flush_stderr},
};

type Hook = Box<dyn Fn(&Failure) + Send + Sync>;

#[derive(Default)]
pub(super) struct FailureHook(Option<Isolated<Hook>>);

impl FailureHook {
    pub(super) fn new(hook: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        Self(Some(Isolated::new(Box::new(hook))))
    }

    /// Tells the hook, if there is one, and packs the failures for the report.
    #[cold]
    pub(super) fn told(&self, failures: Vec<Failure>) -> Arc<Failures> {
        let told = match &self.0 {
            Some(hook) if !Frame::is_in_hook() => {
                let _inside = Frame::enter_hook();
                for failure in &failures {
                    if let Err(message) = isolate(|| (hook.get())(failure)) {
                        to_stderr(&format_args!("the failure hook panicked: {message}; it was to tell: {failure}"));
                    }
                }
                true
            }
            _ => false,
        };
        Arc::new(Failures { list: failures, read: AtomicBool::new(told) })
    }
}

impl Drop for FailureHook {
    /// The bus has ended; it may have been the last one.
    fn drop(&mut self) {
        flush_stderr();
    }
}

/// The failures of a report, shared by its clones.
#[derive(Debug)]
pub(super) struct Failures {
    list: Vec<Failure>,
    read: AtomicBool,
}

impl Failures {
    /// Hands them to somebody who asked.
    pub(super) fn read(&self) -> &[Failure] {
        self.read.store(true, Ordering::Relaxed);
        &self.list
    }

    /// Failures that have been told, or are none of anybody's concern.
    pub(super) fn known(list: Vec<Failure>) -> Arc<Self> {
        Arc::new(Self { list, read: AtomicBool::new(true) })
    }

    /// Runs code that may look at them without that being reading.
    pub(super) fn shown(&self, look: impl FnOnce()) {
        let read = self.read.load(Ordering::Relaxed);
        look();
        self.read.store(read, Ordering::Relaxed);
    }

    /// How many they are; that alone is not reading them.
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
}

impl Drop for Failures {
    fn drop(&mut self) {
        for failure in self.list.drain(..) {
            if !*self.read.get_mut() {
                to_stderr(&failure);
            }
            // A listener's error may be foreign code as well, and the emitter shall not pay for its drop.
            let _ = isolate(|| drop(failure));
        }
    }
}
