//! Settings of a bus.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use super::{Bus, Interceptor, failure_hook::FailureHook, inner::Inner, intercept::Interceptors, stats::Counters};
#[cfg(feature = "tokio")]
use crate::dispatch::Tasks;
use crate::{listener::Failure, registry::Registry};

/// Settings for a new bus; made by [`Bus::builder`].
#[must_use = "ends with `.build()`"]
pub struct BusBuilder {
    recursion_limit: u32,
    hook: FailureHook,
    interceptors: Interceptors,
    #[cfg(feature = "serde")]
    max_payload: usize,
    #[cfg(feature = "serde")]
    max_nesting: usize,
    #[cfg(feature = "tokio")]
    runtime: Option<tokio::runtime::Handle>,
    #[cfg(feature = "tokio")]
    max_spawned: usize,
    #[cfg(feature = "publish")]
    pub(super) extension_settings: super::extension::Settings,
}

impl BusBuilder {
    /// How deep emissions may be nested unless stated.
    pub const DEFAULT_RECURSION_LIMIT: u32 = 64;

    /// The largest payload that is read, in bytes, unless stated: 1 MiB.
    #[cfg(feature = "serde")]
    pub const DEFAULT_MAX_PAYLOAD: usize = 1 << 20;

    /// The deepest nesting that is read, unless stated.
    #[cfg(feature = "serde")]
    pub const DEFAULT_MAX_NESTING: usize = 64;

    pub(super) fn new() -> Self {
        Self {
            recursion_limit: Self::DEFAULT_RECURSION_LIMIT,
            hook: FailureHook::default(),
            interceptors: Interceptors::default(),
            #[cfg(feature = "serde")]
            max_payload: Self::DEFAULT_MAX_PAYLOAD,
            #[cfg(feature = "serde")]
            max_nesting: Self::DEFAULT_MAX_NESTING,
            #[cfg(feature = "tokio")]
            runtime: None,
            #[cfg(feature = "tokio")]
            max_spawned: usize::MAX,
            #[cfg(feature = "publish")]
            extension_settings: None,
        }
    }

    /// How deep emissions may be nested: a listener that emits to a listener that emits .. A deeper one runs no listener;
    /// its report says so and shows the chain. Emissions of other buses in the chain count too. 64 unless stated; at
    /// least 1.
    pub fn recursion_limit(mut self, limit: u32) -> Self {
        self.recursion_limit = limit.max(1);
        self
    }

    /// Calls `hook` for each listener that did not finish well, right when its emission ends, whether or not anybody reads
    /// the report.
    ///
    /// Without a hook, failures in a report that is dropped unread are written to stderr, one line each.
    ///
    /// A panic in the hook is contained. **Re-entrancy:** the hook may use the bus; failures of what it emits itself are
    /// in their reports and are not told to it again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Tick;
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// use std::sync::{Arc, Mutex};
    ///
    /// let seen = Arc::new(Mutex::new(Vec::new()));
    /// let log = seen.clone();
    /// let bus = Bus::builder().on_failure(move |failure| log.lock().unwrap().push(failure.to_string())).build();
    /// bus.listener::<Tick>().named("clock").on(|_| Err("out of time"));
    ///
    /// bus.emit(Tick).blocking(); // the report goes unread
    /// assert!(seen.lock().unwrap()[0].contains("listener `clock`"));
    /// ```
    pub fn on_failure(mut self, hook: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        self.hook = FailureHook::new(hook);
        self
    }

    /// Puts an [`Interceptor`] around every emission and every call of a listener. Several may be given: the first is the
    /// outermost. Without one they cost nothing.
    pub fn intercept(mut self, interceptor: impl Interceptor) -> Self {
        self.interceptors.push(interceptor);
        self
    }

    /// The largest JSON payload that `emit_json` reads, in bytes. 1 MiB unless stated.
    #[cfg(feature = "serde")]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// How deep arrays and objects may be nested in what `emit_json` reads. 64 unless stated; `serde_json` itself reads 127.
    #[cfg(feature = "serde")]
    pub fn max_nesting(mut self, depth: usize) -> Self {
        self.max_nesting = depth;
        self
    }

    /// The runtime for what needs one, where the emitting code is in none: a timer, spawned listeners, the blocking pool,
    /// `spawn()`. Code inside a runtime uses that.
    #[cfg(feature = "tokio")]
    pub fn runtime(mut self, runtime: tokio::runtime::Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// How many emissions begun by [`spawn`](super::Emit::spawn) may be under way; beyond it, nothing runs and the report
    /// says so. Unlimited unless stated.
    #[cfg(feature = "tokio")]
    pub fn max_spawned(mut self, limit: usize) -> Self {
        self.max_spawned = limit;
        self
    }

    /// Makes the bus.
    pub fn build(self) -> Bus {
        Bus {
            inner: Arc::new_cyclic(|me| Inner {
                me: me.clone(),
                registry: Registry::new(),
                modules: Arc::default(),
                recursion_limit: self.recursion_limit,
                hook: self.hook,
                counters: Counters::default(),
                interceptors: self.interceptors,
                unclaimed: OnceLock::new(),
                #[cfg(feature = "serde")]
                max_payload: self.max_payload,
                #[cfg(feature = "serde")]
                max_nesting: self.max_nesting,
                #[cfg(feature = "tokio")]
                runtime: self.runtime,
                #[cfg(feature = "tokio")]
                max_spawned: self.max_spawned,
                #[cfg(feature = "tokio")]
                tasks: Tasks::default(),
                #[cfg(feature = "publish")]
                extension: OnceLock::new(),
                #[cfg(feature = "publish")]
                extension_settings: std::sync::Mutex::new(self.extension_settings),
            }),
            origin: None,
        }
    }
}

impl fmt::Debug for BusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BusBuilder")
            .field("recursion_limit", &self.recursion_limit)
            .field("interceptors", &self.interceptors)
            .finish_non_exhaustive()
    }
}
