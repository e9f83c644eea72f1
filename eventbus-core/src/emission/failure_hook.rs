//! The failure hook (promise P6).
//!
//! If the user has set a hook, each failure goes to it when its emission ends. Without one, a report that is dropped unread
//! writes its failures to stderr. So nothing is lost in silence, and a program that handles its reports is not told
//! everything twice.

use crate::{
    call::{Frame, Isolated},
    event::isolate,
    listener::{Failure, flush_stderr, to_stderr},
};

type Hook = Box<dyn Fn(&Failure) + Send + Sync>;

#[derive(Default)]
pub(crate) struct FailureHook(Option<Isolated<Hook>>);

impl FailureHook {
    pub(crate) fn new(hook: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        Self(Some(Isolated::new(Box::new(hook))))
    }

    /// Sets the hook unless there is one.
    #[cfg(feature = "tracing")]
    pub(crate) fn set_default(&mut self, hook: impl Fn(&Failure) + Send + Sync + 'static) {
        if self.0.is_none() {
            *self = Self::new(hook);
        }
    }

    /// Calls the hook for each failure; whether there is one. Failures that the hook itself causes are not told to it.
    #[cold]
    #[inline(never)]
    pub(crate) fn tell(&self, failures: &[Failure]) -> bool {
        let Some(hook) = self.0.as_ref().filter(|_| !Frame::is_in_hook()) else { return false };
        let _inside = Frame::enter_hook();
        for failure in failures {
            if let Err(message) = isolate(|| (hook.get())(failure)) {
                to_stderr(&format_args!("the failure hook panicked: {message}; it was to tell: {failure}"));
            }
        }
        true
    }
}

impl Drop for FailureHook {
    /// The bus has ended; it may have been the last one.
    fn drop(&mut self) {
        flush_stderr();
    }
}
