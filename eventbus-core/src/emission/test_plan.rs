//! What a test, by an interceptor, changes in an emission, a call or a delivery. Empty without the feature `testing`.

use crate::call::Injected;
#[cfg(feature = "testing")]
use crate::sync::{AtomicBool, Mutex, Ordering, lock};

/// What the interceptors of a test ask of what they are asked about.
#[derive(Default)]
pub(crate) struct TestPlan {
    #[cfg(feature = "testing")]
    is_faked: AtomicBool,
    #[cfg(feature = "testing")]
    injected: Mutex<Option<Injected>>,
}

#[cfg(feature = "testing")]
impl TestPlan {
    /// Asks that nothing of it runs.
    pub(crate) fn fake(&self) {
        self.is_faked.store(true, Ordering::Relaxed);
    }

    /// Asks for a delay or another end of the call. The last one counts.
    pub(crate) fn inject(&self, injected: Injected) {
        *lock(&self.injected) = Some(injected);
    }

    pub(crate) fn is_faked(&self) -> bool {
        self.is_faked.load(Ordering::Relaxed)
    }

    pub(crate) fn take_injected(&self) -> Option<Injected> {
        lock(&self.injected).take()
    }
}

#[cfg(not(feature = "testing"))]
#[expect(clippy::unused_self, reason = "the shape that it has with the feature")]
impl TestPlan {
    pub(crate) fn is_faked(&self) -> bool {
        false
    }

    pub(crate) fn take_injected(&self) -> Option<Injected> {
        None
    }
}
