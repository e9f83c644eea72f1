//! What all handles of a bus share.

use std::{
    any::Any,
    sync::{Arc, OnceLock, Weak},
};

use super::{Bus, failure_hook::FailureHook, intercept::Interceptors, stats::Counters};
#[cfg(feature = "tokio")]
use crate::dispatch::Tasks;
use crate::{
    dispatch::{Context, EventSlot, Frame, Host, Mode, Unclaimed, Wait},
    listener::{Failure, NotRun},
    registry::{Home, Key, Modules, Registry},
};

pub(super) struct Inner {
    pub(super) me: Weak<Inner>,
    pub(super) registry: Registry,
    pub(super) modules: Arc<Modules>,
    pub(super) recursion_limit: u32,
    pub(super) hook: FailureHook,
    pub(super) counters: Counters,
    pub(super) interceptors: Interceptors,
    /// Stands for the slot of names that no type claims.
    pub(super) unclaimed: OnceLock<Arc<EventSlot<Unclaimed>>>,
    #[cfg(feature = "serde")]
    pub(super) max_payload: usize,
    #[cfg(feature = "serde")]
    pub(super) max_nesting: usize,
    #[cfg(feature = "tokio")]
    pub(super) runtime: Option<tokio::runtime::Handle>,
    #[cfg(feature = "tokio")]
    pub(super) max_spawned: usize,
    #[cfg(feature = "tokio")]
    pub(super) tasks: Tasks,
    /// What a higher floor keeps here, and what it is to be made of.
    #[cfg(feature = "publish")]
    pub(super) extension: OnceLock<Arc<dyn super::Extension>>,
    #[cfg(feature = "publish")]
    pub(super) extension_settings: std::sync::Mutex<super::extension::Settings>,
}

impl Host for Inner {
    fn share(&self) -> Arc<dyn Host> {
        match self.me.upgrade() {
            Some(me) => me,
            None => unreachable!("whoever calls holds a handle"),
        }
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn tell(&self, failure: Failure) {
        drop(self.hook.told(vec![failure]));
    }

    #[cfg(feature = "tokio")]
    fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

impl Home for Inner {
    fn contains(&self, key: Key) -> bool {
        self.registry.has_by_name(key)
    }

    fn remove(&self, key: Key) -> bool {
        self.registry.remove_by_name(key)
    }
}

impl Context {
    /// The bus, to emit on. What is emitted through this handle, also from a task of your own, counts as caused by this
    /// emission.
    pub fn bus(&self) -> Bus {
        Inner::bus_inside(Arc::clone(&self.host), self.frame)
    }
}

impl Inner {
    /// A handle to the bus that `host` is, for code that an emission has called.
    pub(super) fn bus_inside(host: Arc<dyn Host>, frame: Frame) -> Bus {
        match host.into_any().downcast::<Self>() {
            Ok(inner) => Bus { inner, origin: Some(Arc::new(frame)) },
            Err(_) => unreachable!("a bus is the only host"),
        }
    }
}

impl Bus {
    /// The frame of the code that runs now: of the emission that called it, or that its handle came from.
    #[cfg(feature = "tokio")]
    pub(crate) fn frame(&self) -> Option<Frame> {
        Frame::current().or_else(|| self.origin.as_deref().copied())
    }

    /// What an emission waits with.
    #[cfg(feature = "tokio")]
    pub(super) fn wait(&self, mode: Mode, limited: bool) -> Result<Wait, NotRun> {
        Wait::new(mode, limited, self.inner.runtime.as_ref())
    }

    #[cfg(not(feature = "tokio"))]
    #[expect(clippy::unused_self, reason = "as with the feature `tokio`")]
    pub(super) fn wait(&self, mode: Mode, _limited: bool) -> Result<Wait, NotRun> {
        Wait::new(mode)
    }

    /// Enters the bus's own runtime, if this thread is in none: listeners that are polled here may need its timer.
    #[cfg(feature = "tokio")]
    pub(super) fn enter_runtime(&self) -> Option<tokio::runtime::EnterGuard<'_>> {
        let own = self.inner.runtime.as_ref()?;
        tokio::runtime::Handle::try_current().is_err().then(|| own.enter())
    }

    #[cfg(not(feature = "tokio"))]
    #[expect(clippy::unused_self, reason = "as with the feature `tokio`")]
    pub(super) fn enter_runtime(&self) -> Option<()> {
        None
    }
}
