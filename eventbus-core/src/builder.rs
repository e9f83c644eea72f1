//! Floor 13: the builder of a bus, which composes the floors.

mod warnings;

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    call::{BusId, NestedPlain},
    consumer::{Consumers, tell_unheard},
    emission::{Bus, BusState, FailureHook, Interceptor, Interceptors, KeptEvents, Parts, Tasks, Warnings},
    lifecycle::Shutdown,
    listener::Failure,
    observe::{SlowListeners, Tracer},
    publish::{DeadLetter, Publishing, Settings},
    registry::{Registry, Slot},
    sync::AtomicUsize,
    transport::{Transport, TransportError},
};

/// Settings for a new bus; made by [`Bus::builder`].
#[must_use = "ends with `.build()`"]
pub struct BusBuilder {
    recursion_limit: u32,
    stats: bool,
    hook: FailureHook,
    interceptors: Interceptors,
    traced: usize,
    #[cfg(feature = "metrics")]
    metrics: Option<crate::observe::Recorded>,
    warnings: Warnings,
    slow_listener: Option<Duration>,
    #[cfg(feature = "serde")]
    max_payload: usize,
    #[cfg(feature = "serde")]
    max_nesting: usize,
    runtime: Option<tokio::runtime::Handle>,
    max_spawned: usize,
    pub(crate) publishing: Settings,
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

    fn new() -> Self {
        Self {
            recursion_limit: Self::DEFAULT_RECURSION_LIMIT,
            stats: false,
            hook: FailureHook::default(),
            interceptors: Interceptors::default(),
            traced: 0,
            #[cfg(feature = "metrics")]
            metrics: None,
            warnings: Warnings::default(),
            slow_listener: None,
            #[cfg(feature = "serde")]
            max_payload: Self::DEFAULT_MAX_PAYLOAD,
            #[cfg(feature = "serde")]
            max_nesting: Self::DEFAULT_MAX_NESTING,
            runtime: None,
            max_spawned: usize::MAX,
            publishing: Settings::default(),
        }
    }

    /// How deep emissions may be nested: a listener that emits to a listener that emits .. A deeper one runs no listener;
    /// its report says so and shows the chain. Emissions of other buses in the chain count too. 64 unless stated; at
    /// least 1.
    pub fn recursion_limit(mut self, limit: u32) -> Self {
        self.recursion_limit = limit.max(1);
        self
    }

    /// Counts the emissions of each event and the calls of each listener, and measures how long they take: what
    /// [`Bus::stats`](crate::Bus::stats) then tells and prints. Off unless stated. What was published and has become of deliveries is
    /// always counted.
    ///
    /// Counts are exact. Of emissions with synchronous listeners a part is measured: the first 16 of each event on each thread, then
    /// one of 256. Async, spawned and blocking listeners, and handlers of consumers, are measured at each call.
    ///
    /// A plain emission to ten listeners takes a third to a half longer; one that nobody hears takes a hundred
    /// instructions, not fifty. A call of an async listener that is ready at once takes four times as many instructions. Each event and listener
    /// takes a few kilobytes, and up to 36 more once it is measured.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// let bus = Bus::builder().stats(true).build();
    /// bus.listener::<UserCreated>().named("welcome").on(|_| {});
    /// bus.emit(UserCreated).blocking();
    ///
    /// println!("{}", bus.stats()); // a table
    /// assert_eq!(bus.stats().event::<UserCreated>().map(|event| event.emissions), Some(1));
    /// ```
    pub fn stats(mut self, on: bool) -> Self {
        self.stats = on;
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

    /// Puts an [`Interceptor`] around every emission, call of a listener, publish and delivery. Several may be given: the first is the
    /// outermost. Without one they cost nothing.
    pub fn intercept(mut self, interceptor: impl Interceptor) -> Self {
        self.interceptors.push(interceptor);
        self
    }

    /// Keeps the last `records` emissions, publishes and deliveries, for [`Bus::trace`]: what caused what, what ran, how long, and how
    /// it ended. None unless stated; then a trace costs nothing.
    ///
    /// It is an [`Interceptor`] around all others, and costs each emission and each call a lock, and some hundred bytes. What is kept
    /// is bounded: of an emission 256 calls, of an error 512 bytes of its text, and no payload.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct Tick;
    /// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
    /// let bus = Bus::builder().trace(1_000).build();
    /// bus.emit(Tick).blocking();
    /// assert!(bus.trace().to_string().contains(": nobody listens"));
    /// ```
    pub fn trace(mut self, records: usize) -> Self {
        self.traced = records;
        self
    }

    /// Gives all that the bus does spans of the crate `tracing`, and tells as events what would be written to stderr; see
    /// [`Tracing`](crate::Tracing). As an interceptor it stands where this is called: around those that are given later.
    #[cfg(feature = "tracing")]
    pub fn tracing(mut self, tracing: crate::observe::Tracing) -> Self {
        use crate::observe::{tell, tell_failure};
        self.hook.set_default(tell_failure);
        self.publishing.notices.set_default_hook(|error| tell(error));
        self.warnings.set_default_hook(|warning| tell(warning));
        self.interceptors.push(tracing);
        self
    }

    /// Counts and measures all that the bus does, in a recorder of the crate `metrics`, if there is one by now; see [`Metrics`](crate::Metrics). As an interceptor
    /// it stands where this is called: around those that are given later. Given twice, both count, and
    /// gauges are set in the last one's recorder.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self, metrics: crate::observe::Metrics) -> Self {
        self.metrics = metrics.start();
        if let Some(recorded) = &self.metrics {
            self.interceptors.push(Arc::clone(recorded));
        }
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
    pub fn runtime(mut self, runtime: tokio::runtime::Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// How many emissions begun by [`spawn`](crate::Emit::spawn) may be under way; beyond it, nothing runs and the report
    /// says so. Unlimited unless stated.
    pub fn max_spawned(mut self, limit: usize) -> Self {
        self.max_spawned = limit;
        self
    }

    /// How many messages a chain may have unless stated.
    pub const DEFAULT_MAX_HOPS: u32 = Settings::MAX_HOPS;

    /// How many dead letters are kept unless stated.
    pub const DEFAULT_DEAD_LETTERS: usize = Settings::DEAD_LETTERS;

    /// What carries published events; a [`Memory`](crate::Memory) unless stated.
    ///
    /// ```
    /// # mod eventbus { pub use eventbus_core::*; pub mod transport { pub use eventbus_core::*; } }
    /// use eventbus::{Bus, Overflow, transport::Memory};
    ///
    /// let bus = Bus::builder().transport(Memory::new().capacity(10_000).overflow(Overflow::Fail)).build();
    /// assert_eq!(bus.stats().published.accepted, 0);
    /// ```
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.publishing.set_transport(transport);
        self
    }

    /// Calls a hook for every error of the transport: what it was asked to do, for which group, and what it says. Unless set,
    /// errors go to stderr, one line each and not more than twenty a second. All are counted in
    /// [`Stats::transport_errors`](crate::Stats::transport_errors).
    pub fn on_transport_error(mut self, hook: impl Fn(&TransportError) + Send + Sync + 'static) -> Self {
        self.publishing.notices.set_transport_hook(hook);
        self
    }

    /// Calls a hook for the dead letters of this bus's consumers, of all events. For those of one type, listen to
    /// [`Failed<E>`](crate::Failed).
    ///
    /// A letter is told once it is kept: by the bus, or by a transport that keeps letters itself. In the latter case it has no
    /// [`id`](DeadLetter::id) yet, and if nobody can tell whether the transport keeps it, it is not told: the delivery comes
    /// again. The hook runs on the task that settles the delivery, mostly its worker, which waits for it.
    pub fn on_dead_letter(mut self, hook: impl Fn(&DeadLetter) + Send + Sync + 'static) -> Self {
        self.publishing.set_dead_letter_hook(hook);
        self
    }

    /// How many bytes the dead letters may have that the bus keeps: 64 MiB unless stated. Events count as
    /// [`Message::counted_bytes`](crate::Message::counted_bytes) says.
    pub fn max_dead_letter_bytes(mut self, bytes: usize) -> Self {
        self.publishing.dead_letter_bytes = bytes;
        self
    }

    /// Who publishes: the `source` of every message. Ids are unique within a source. `eventbus` unless stated.
    pub fn source(mut self, source: &str) -> Self {
        self.publishing.set_source(source);
        self
    }

    /// Refuses events without a codec (`#[event(serde)]`) even where the transport does not need one, so that a program is
    /// ready for one that does.
    pub fn require_codecs(mut self) -> Self {
        self.publishing.require_codecs = true;
        self
    }

    /// In what format events are published over a transport that carries bytes; JSON unless stated. The bus also reads it, and JSON.
    #[cfg(feature = "serde")]
    pub fn codec(mut self, codec: impl crate::event::Codec) -> Self {
        self.publishing.codecs.write(codec);
        self
    }

    /// Adds a format that is read, besides JSON and that of [`codec`](Self::codec): what other programs write, or what this one wrote
    /// before. A message is read by the first codec of its content type; a codec for `application/json` is asked before the built-in
    /// one. A message whose content type has no codec is a dead letter.
    #[cfg(feature = "serde")]
    pub fn read_codec(mut self, codec: impl crate::event::Codec) -> Self {
        self.publishing.codecs.read(codec);
        self
    }

    /// How long a chain of messages may be of which each was published by the handler of the one before; 64 unless stated, and
    /// at least 1. What would make it longer is refused.
    pub fn max_hops(mut self, messages: u32) -> Self {
        self.publishing.max_hops = messages.max(1);
        self
    }

    /// How many dead letters are kept; the oldest make room. 1,024 unless stated.
    pub fn max_dead_letters(mut self, letters: usize) -> Self {
        self.publishing.dead_letters = letters;
        self
    }

    /// Makes the bus.
    #[track_caller]
    pub fn build(mut self) -> Bus {
        #[cfg(feature = "testing")]
        self.interceptors.add_ambient();
        let tracer = Tracer::new(self.traced);
        if let Some(interceptor) = tracer.interceptor() {
            self.interceptors.push_outermost(interceptor);
        }
        let warnings = Arc::new(self.warnings);
        if let Some(limit) = self.slow_listener {
            // Innermost: only what the listener itself does is timed.
            self.interceptors.push(SlowListeners { limit, warnings: Arc::clone(&warnings) });
        }
        let (is_intercepted, hear_unheard) = (!self.interceptors.is_empty(), self.interceptors.hear_unheard());
        let publishing = Publishing::new(self.publishing, is_intercepted, &warnings);
        let depth = NestedPlain::deepest(self.recursion_limit);
        let parts = Parts::default().with(publishing).with(Consumers::default()).with(Shutdown::default()).with(tracer);
        #[cfg(feature = "metrics")]
        let parts = parts.with(crate::observe::MetricsPart(self.metrics));
        let state = BusState {
            id: BusId::next(),
            registry: Arc::new(Registry::new(hear_unheard, self.stats)),
            modules: Arc::default(),
            recursion_limit: self.recursion_limit,
            is_counted: self.stats,
            plain_depth: if is_intercepted || self.stats { 0 } else { depth },
            idle_depth: depth,
            hook: self.hook,
            warnings,
            interceptors: Arc::new(self.interceptors),
            unclaimed: Arc::new(Slot::new(
                BusState::UNCLAIMED,
                std::panic::Location::caller(),
                hear_unheard,
                self.stats,
            )),
            runtime: self.runtime,
            max_spawned: self.max_spawned,
            tasks: Arc::new(Tasks::default()),
            #[cfg(feature = "serde")]
            max_payload: self.max_payload,
            #[cfg(feature = "serde")]
            max_nesting: self.max_nesting,
            kept_events: KeptEvents::default(),
            consumer_era: AtomicUsize::new(1),
            on_unheard: tell_unheard,
            parts,
        };
        Bus { state: Arc::new(state), origin: None }
    }
}

impl Bus {
    /// Makes a bus with the default settings.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Makes a bus with settings of its own.
    pub fn builder() -> BusBuilder {
        BusBuilder::new()
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
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
