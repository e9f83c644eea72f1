//! What the parts of a worker share: its consumer, its place there, and what interceptors are still to be told.

use std::sync::Arc;

use super::{slot::WorkerSlot, state::ConsumerState};
#[cfg(feature = "testing")]
use crate::{call::Injected, sync::lock};
use crate::{
    emission::{DeliveryEnd, TestPlan},
    listener::BoxError,
    sync::{AtomicBool, Mutex},
    transport::BoxFuture,
};

/// A worker's place in its consumer.
pub(super) struct Desk {
    pub(super) consumer: Arc<ConsumerState>,
    pub(super) at: usize,
    /// How deliveries have ended that interceptors were asked about, by number, until they are told. What is handled well need not
    /// be noted.
    pub(super) ends: Mutex<Vec<(u64, DeliveryEnd)>>,
    /// Whether interceptors were asked about what is being handled, and are to be told how it ends. Read and written by the worker
    /// only, in its task.
    pub(super) is_guarded: AtomicBool,
    /// What a test makes of the attempt that begins: the worker takes it before it calls the handler.
    #[cfg(feature = "testing")]
    injected: Mutex<Option<Injected>>,
}

impl Desk {
    pub(super) fn new(consumer: Arc<ConsumerState>, at: usize) -> Self {
        Self {
            consumer,
            at,
            ends: Mutex::default(),
            is_guarded: AtomicBool::new(false),
            #[cfg(feature = "testing")]
            injected: Mutex::default(),
        }
    }

    pub(super) fn slot(&self) -> &WorkerSlot {
        &self.consumer.slots[self.at]
    }
}

#[cfg(feature = "testing")]
impl Desk {
    /// Notes what a test makes of the attempt that begins. The deliveries of a batch share one attempt: the longest delay counts,
    /// and the first end.
    pub(super) fn inject(&self, plan: &TestPlan) {
        if let Some(more) = plan.take_injected() {
            let mut injected = lock(&self.injected);
            *injected = Some(match injected.take() {
                Some(first) => first.and(more),
                None => more,
            });
        }
    }

    /// Forgets what a test makes of an attempt that did not begin.
    pub(super) fn forget_injected(&self) {
        *lock(&self.injected) = None;
    }

    /// What a test has put before the handler's code, which is not to run after an error.
    pub(super) fn before_handler(&self) -> Option<BoxFuture<'static, Result<(), BoxError>>> {
        if !self.is_guarded() {
            return None;
        }
        let injected = lock(&self.injected).take()?;
        Some(Box::pin(injected.before()))
    }
}

#[cfg(not(feature = "testing"))]
#[expect(clippy::unused_self, reason = "the shape that it has with the feature")]
impl Desk {
    pub(super) fn inject(&self, _plan: &TestPlan) {}

    pub(super) fn forget_injected(&self) {}

    #[inline]
    pub(super) fn before_handler(&self) -> Option<BoxFuture<'static, Result<(), BoxError>>> {
        None
    }
}

#[cfg(feature = "rate-limit")]
impl Desk {
    /// Takes a permit for an attempt, if the rate allows one now.
    pub(super) fn take_permit(&self) -> bool {
        self.consumer.limiter.as_ref().is_none_or(|limiter| limiter.take().is_ok())
    }

    /// Waits until the rate may allow an attempt, or the consumer stops or pauses.
    pub(super) async fn wait_for_permit(&self) {
        let Some(limiter) = &self.consumer.limiter else { return };
        let wait = limiter.wait();
        tokio::select! {
            biased;
            () = self.consumer.scheduler.stopped.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

#[cfg(not(feature = "rate-limit"))]
#[expect(clippy::unused_self, reason = "the shape that it has with the feature")]
impl Desk {
    pub(super) fn take_permit(&self) -> bool {
        true
    }

    pub(super) fn wait_for_permit(&self) -> std::future::Ready<()> {
        std::future::ready(())
    }
}
