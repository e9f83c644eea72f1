//! The recorder: an interceptor that records what its buses do, fakes it, and injects failures.

use std::{
    any::TypeId,
    collections::{BTreeSet, HashSet},
    fmt::{self, Debug},
    future::poll_fn,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use super::{
    injection::{Effect, Injection, injected},
    listed::Printers,
    record::Record,
};
use crate::{
    builder::BusBuilder,
    emission::{
        AmbientInterceptor, Bus, CallEnd, DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor,
        PublishEnd, PublishInfo, Report, TestPlan,
    },
    event::{DebugOf, Event, EventType},
    listener::{BoxError, ListenerInfo, ListenerKind},
    sync::{Mutex, lock},
};

#[doc = include_str!("recorder.md")]
#[derive(Clone, Default)]
pub struct Recorder {
    pub(super) shared: Arc<RecorderState>,
}

#[derive(Default)]
pub(super) struct RecorderState {
    pub(super) records: Mutex<Vec<Record>>,
    pub(super) printers: Mutex<Printers>,
    faking: Mutex<Faking>,
    pub(super) injections: Mutex<Vec<Injection>>,
    /// The listeners and handlers that were called: for the message about one that was not.
    pub(super) called: Mutex<BTreeSet<String>>,
}

/// What is faked.
#[derive(Default)]
struct Faking {
    all: bool,
    faked: HashSet<TypeId>,
    passed: HashSet<TypeId>,
}

impl Faking {
    fn fakes(&self, event: Option<&'static EventType>) -> bool {
        let is_in = |set: &HashSet<TypeId>| event.is_some_and(|event| set.contains(&event.id()));
        !is_in(&self.passed) && (self.all || is_in(&self.faked))
    }
}

impl Recorder {
    /// Makes a recorder that lets everything happen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a recorder that fakes: emissions call no listener, and what is published is not handed to the transport.
    ///
    /// The report of a faked emission is ok, [says that it is faked](Report::is_faked), and has no listener that succeeded. A
    /// faked publish ends well, and counts as accepted: the recorder stands for a transport that takes everything. What the bus
    /// itself refuses is refused all the same: an event without a codec where the transport needs one, a bus that is closed.
    /// Streams are listeners, and get nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{self as eventbus, Event, EventName};
    /// # struct OrderPlaced;
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// use eventbus::testing::Recorder;
    ///
    /// # fn main() -> Result<(), eventbus::EmitError> {
    /// let recorder = Recorder::fake();
    /// let bus = recorder.bus();
    /// bus.on::<OrderPlaced>(|_| panic!("this charges a credit card"));
    ///
    /// let report = bus.emit(OrderPlaced).blocking().into_result()?;
    /// assert!(report.is_faked());
    /// recorder.assert_emitted_times::<OrderPlaced>(1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fake() -> Self {
        let recorder = Self::new();
        lock(&recorder.shared.faking).all = true;
        recorder
    }

    /// Fakes events of this type, from here on; see [`fake`](Self::fake).
    #[must_use = "the recorder is handed on: `Recorder::new().fake_event::<E>()`"]
    pub fn fake_event<E: Event>(self) -> Self {
        {
            let mut faking = lock(&self.shared.faking);
            faking.passed.remove(&TypeId::of::<E>());
            faking.faked.insert(TypeId::of::<E>());
        }
        self
    }

    /// Lets events of this type happen although the others are faked, from here on.
    #[must_use = "the recorder is handed on: `Recorder::fake().pass_event::<E>()`"]
    pub fn pass_event<E: Event>(self) -> Self {
        lock(&self.shared.faking).passed.insert(TypeId::of::<E>());
        self
    }

    /// Prints events of this type by their `Debug` where an assertion fails.
    ///
    /// The derive says this for every type without type parameters that has a `Debug`. It is for types that implement [`Event`] by hand,
    /// and for generic ones.
    #[must_use = "the recorder is handed on: `Recorder::new().show::<E>()`"]
    pub fn show<E: Event + Debug>(self) -> Self {
        if let Some(print) = DebugOf::<E>::DEBUG {
            lock(&self.shared.printers).insert(TypeId::of::<E>(), print);
        }
        self
    }

    /// Makes a bus that it records: `Bus::builder().recorder(&recorder).build()`.
    #[track_caller]
    pub fn bus(&self) -> Bus {
        Bus::builder().recorder(self).build()
    }

    /// Runs `code`, and records the buses that it makes on this thread: for a module that makes its own. Such a bus is then recorded as
    /// long as it lives.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{self as eventbus, Event, EventName};
    /// # struct ShopOpened;
    /// # impl Event for ShopOpened { const NAME: EventName = EventName::new("shop.opened"); }
    /// use eventbus::{Bus, testing::Recorder};
    ///
    /// struct Shop { bus: Bus }
    ///
    /// impl Shop {
    ///     fn new() -> Self { Self { bus: Bus::new() } }
    ///     fn open(&self) { self.bus.emit(ShopOpened).spawn(); }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), eventbus::InsideEmission> {
    /// let recorder = Recorder::new();
    /// let shop = recorder.watch_new_buses(Shop::new);
    /// shop.open();
    /// shop.bus.settled().await?;
    /// recorder.assert_emitted_times::<ShopOpened>(1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch_new_buses<T>(&self, code: impl FnOnce() -> T) -> T {
        let _watching = AmbientInterceptor::enter(self.clone());
        code()
    }

    /// The same for code that waits: the buses that `future` makes are recorded, and not those of tasks that it spawns.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`. Buses that were made are recorded on.
    pub async fn watch_new_buses_async<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.watch_new_buses(|| future.as_mut().poll(cx))).await
    }

    /// Makes the calls of a listener fail, or the attempts of a group's handlers, with this error. Their own code is not called.
    ///
    /// A listener is meant by the name that its registration has given it (`named`; of a method of a module `Module::method`), a handler
    /// by its group. The call counts as one that failed by itself: the report, the failure hook, retries and dead letters follow. Of several
    /// failures for one name the first that is left happens. In a handler of batches the first failure fails the whole batch.
    ///
    /// # Examples
    ///
    /// A handler that fails twice, and is then left alone:
    ///
    /// ```
    /// # use eventbus_core::{self as eventbus, BoxError, Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// use std::time::Duration;
    /// use eventbus::testing::Recorder;
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), BoxError> {
    /// let recorder = Recorder::new();
    /// let bus = recorder.bus();
    /// # let bus = { let _ = bus; eventbus::Bus::builder().recorder(&recorder).on_failure(|_| {}).build() };
    /// bus.consumer("mailer").handle::<UserCreated>(|_, delivery| async move { assert_eq!(delivery.attempt(), 3) }).start().await?;
    ///
    /// recorder.fail("mailer", "smtp is down").times(2);
    /// bus.publish(UserCreated).await?;
    /// bus.drained(Duration::from_secs(60)).await?;
    /// assert_eq!(bus.stats().deliveries().handled, 1);
    /// recorder.assert_injected();
    /// # Ok(())
    /// # }
    /// ```
    pub fn fail<T>(&self, name: &str, error: T) -> Injection
    where
        T: Into<BoxError> + Clone + Send + Sync + 'static,
    {
        self.fail_with(name, move || error.clone())
    }

    /// As [`fail`](Self::fail), with an error that is made anew for each call: one that cannot be cloned.
    pub fn fail_with<T: Into<BoxError>>(&self, name: &str, error: impl Fn() -> T + Send + Sync + 'static) -> Injection {
        self.inject(name, Effect::Fail(Arc::new(move || error().into())))
    }

    /// Makes the calls of a listener, or the attempts of a group's handlers, panic with this message; otherwise as [`fail`](Self::fail).
    pub fn panic(&self, name: &str, message: &str) -> Injection {
        self.inject(name, Effect::Panic(message.into()))
    }

    /// Delays the calls of an async listener, or the attempts of a group's handlers. It passes at once on a paused clock, and goes together
    /// with [`fail`](Self::fail) and [`panic`](Self::panic), which then happen after it.
    ///
    /// The delay is part of the call: limits of time stop it, and its emission waits for it. An async listener's closure is called before it,
    /// for its future, and the future runs after it. A synchronous or blocking listener cannot be delayed, since that would hold up a thread
    /// in real time: its call is refused ([`NotRun::Refused`](crate::NotRun::Refused)), and the report says why.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{self as eventbus, BoxError, Event, EventName};
    /// # struct OrderPlaced;
    /// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
    /// use std::time::Duration;
    /// use eventbus::{EmitError, testing::Recorder};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let recorder = Recorder::new();
    /// let bus = recorder.bus();
    /// bus.listener::<OrderPlaced>().named("charge").on_async(|_| async {});
    ///
    /// recorder.delay("charge", Duration::from_secs(10));
    /// let ended = bus.emit(OrderPlaced).timeout(Duration::from_secs(5)).await.into_result();
    /// assert!(matches!(ended, Err(EmitError::TimedOut(_))));
    /// # }
    /// ```
    pub fn delay(&self, name: &str, delay: Duration) -> Injection {
        self.inject(name, Effect::Delay(delay))
    }

    fn inject(&self, name: &str, effect: Effect) -> Injection {
        let injection = Injection::new(name, effect);
        lock(&self.shared.injections).push(injection.clone());
        injection
    }

    fn add(&self, record: Record) {
        lock(&self.shared.records).push(record);
    }

    fn note_called(&self, listener: &ListenerInfo) {
        lock(&self.shared.called).insert(listener.to_string());
    }

    /// What is injected into a call.
    fn injections(&self) -> Vec<Injection> {
        lock(&self.shared.injections).clone()
    }

    fn plan(&self, plan: &TestPlan, name: Option<&str>, event: Option<&'static EventType>) {
        if let Some(injected) = name.and_then(|name| injected(&self.injections(), name, event.map(EventType::id))) {
            plan.inject(injected);
        }
    }
}

impl Interceptor for Recorder {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        let is_faked = !emission.is_unheard() && lock(&self.shared.faking).fakes(emission.event_type());
        self.add(Record::of_emission(emission, is_faked));
        if is_faked {
            emission.plan.fake();
        }
        Ok(None)
    }

    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        self.note_called(listener);
        let (name, event) = (listener.name(), emission.event_type());
        if let (Some(name), ListenerKind::Sync | ListenerKind::Blocking) = (name, listener.kind())
            && self.injections().iter().any(|injection| injection.delays(name, event.map(EventType::id)))
        {
            let kind = listener.kind().word();
            return Err(format!("`Recorder::delay` cannot delay a {kind} listener: it would hold up a thread").into());
        }
        self.plan(&emission.plan, name, event);
        Ok(None)
    }

    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        let is_faked = lock(&self.shared.faking).fakes(publish.message().event_type());
        let (record, state) = Record::of_publish(publish, is_faked);
        self.add(record);
        if is_faked {
            publish.plan.fake();
        }
        Ok(Some(Box::new(move |end: &PublishEnd| state.end(end))))
    }

    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        if let Some(handler) = delivery.handler() {
            self.note_called(handler);
            self.plan(&delivery.plan, Some(delivery.group()), delivery.message().event_type());
        }
        Ok(None)
    }

    fn hears_unheard(&self) -> bool {
        true
    }

    fn keeps_events(&self) -> bool {
        true
    }
}

impl BusBuilder {
    /// Lets a [`Recorder`] record what is emitted and published on the bus. As an interceptor it stands where this is called: what one that
    /// was given before refuses, it does not see.
    #[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
    pub fn recorder(self, recorder: &Recorder) -> Self {
        self.intercept(recorder.clone())
    }
}

impl Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("records", &lock(&self.shared.records).len())
            .field("injections", &self.injections())
            .finish_non_exhaustive()
    }
}
