//! Where failures go that nobody reads (promise P6).
//!
//! With a hook of the user's: each failure goes to it when its emission ends. Without one: a report remembers whether
//! anybody looked at its failures, and one that is dropped unread writes them to stderr. So nothing is lost in silence,
//! and a program that handles its reports is not told everything twice.

use std::{
    fmt::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    dispatch::{Frame, Isolated, isolate},
    listener::{Failure, OneLine},
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

/// Writes a line to stderr. The foreign `Display` in it may panic, or wait for somebody who writes to stderr: it runs
/// first, isolated, and outside of the lock of stderr.
fn to_stderr(line: &dyn fmt::Display) {
    let mut text = String::new();
    // A `Display` that gives up leaves what it wrote until then.
    if let Err(message) = isolate(|| _ = write!(OneLine(&mut text), "{line}")) {
        let _ = write!(OneLine(&mut text), "(printing it panicked: {message})");
    }
    // `eprintln` panics where stderr is closed.
    let _ = isolate(|| eprintln!("eventbus: {text}"));
}
