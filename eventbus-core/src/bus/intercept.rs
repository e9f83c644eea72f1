//! Interceptors: the seams around emissions and around calls, for those who build on the bus.

use std::{any::type_name, fmt, sync::Arc};

use super::{Bus, Report, inner::Inner};
use crate::{
    dispatch::{Around, Arounds, CallEnd, EmissionInfo, Frame, Gate, Isolated, Pass, isolate},
    listener::{BoxError, ListenerInfo, NotRun, Outcome},
};

/// What an [`Interceptor`] says: `Ok(None)` to go on, `Ok(Some(..))` to be around it, `Err` to refuse.
pub type Intercepted<End> = Result<Option<Box<dyn Around<End>>>, BoxError>;

/// A seam around every emission and every call of a listener: for spans, metrics, authorisation, transactions.
///
/// Given to a bus when it is built ([`BusBuilder::intercept`](crate::BusBuilder::intercept)). Both methods are called before
/// something begins. They may refuse it, or put an [`Around`] around it, which is there while it runs and is told how it ended.
/// It is the same for synchronous, async, spawned and blocking listeners, typed or by name, and however an emission is made
/// and finished.
///
/// Intercepted, once each, is what begins: an emission that has listeners and is not refused by the bus itself (for its depth,
/// say); a call whose turn it is, after its filter has said yes and what it needs to run has been found. Calls are
/// intercepted on the thread that runs the emission, in the order of turns, also those that then run elsewhere; for a spawned
/// emission that is its task. Which listeners an emission has is settled before interceptors are asked.
///
/// A refused call does not spend `once`: the listener stays until it has run.
///
/// # Panics
///
/// A panic in here is contained, and refuses: it fails closed. The report has its message.
///
/// # Re-entrancy
///
/// No lock is held; interceptors may do anything to the bus. What they emit themselves is intercepted as well, so one that emits
/// for every emission goes round until the recursion limit ends it: look at
/// [`event_type`](EmissionInfo::event_type) first.
///
/// # Examples
///
/// Count calls by how they ended:
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct Tick;
/// # impl Event for Tick { const NAME: EventName = EventName::new("tick"); }
/// use std::sync::{Arc, atomic::{AtomicUsize, Ordering::Relaxed}};
/// use eventbus_core::{CallEnd, EmissionInfo, Intercepted, Interceptor, ListenerInfo};
///
/// #[derive(Default)]
/// struct Metrics { ok: Arc<AtomicUsize>, failed: Arc<AtomicUsize> }
///
/// impl Interceptor for Metrics {
///     fn call(&self, _: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
///         let (ok, failed) = (self.ok.clone(), self.failed.clone());
///         Ok(Some(Box::new(move |end: &CallEnd| {
///             if end.is_ok() { &ok } else { &failed }.fetch_add(1, Relaxed);
///         })))
///     }
/// }
///
/// let metrics = Arc::new(Metrics::default());
/// let bus = Bus::builder().intercept(metrics.clone()).build();
/// bus.on::<Tick>(|_| {});
/// bus.on::<Tick>(|e| { "x".parse::<u8>()?; eventbus_core::Ok(()) });
/// # let _ =
/// bus.emit(Tick).blocking().is_ok();
/// assert_eq!((metrics.ok.load(Relaxed), metrics.failed.load(Relaxed)), (1, 1));
/// ```
///
/// Refuse an emission:
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct AccountClosed { by: &'static str }
/// # impl Event for AccountClosed { const NAME: EventName = EventName::new("account.closed"); }
/// use eventbus_core::{EmissionInfo, Intercepted, Interceptor, Report};
///
/// struct OnlyRoot;
///
/// impl Interceptor for OnlyRoot {
///     fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
///         match emission.event().downcast_ref::<AccountClosed>() {
///             Some(closed) if closed.by != "root" => Err(format!("{} may not close accounts", closed.by))?,
///             _ => Ok(None),
///         }
///     }
/// }
///
/// let bus = Bus::builder().intercept(OnlyRoot).build();
/// bus.on::<AccountClosed>(|_| {});
/// let report = bus.emit(AccountClosed { by: "mallory" }).blocking();
/// assert!(report.to_string().ends_with("did not run: refused: mallory may not close accounts"));
/// ```
///
/// Enter a span around all that runs:
///
/// ```
/// # struct Span;
/// # impl Span { fn in_scope<T>(&self, code: impl FnOnce() -> T) -> T { code() } }
/// # fn span(_: &str) -> Span { Span }
/// use eventbus_core::{Around, CallEnd, EmissionInfo, Intercepted, Interceptor, ListenerInfo};
///
/// struct Spans;
/// struct InSpan(Span);
///
/// impl Interceptor for Spans {
///     fn call(&self, emission: &EmissionInfo<'_>, _: &ListenerInfo) -> Intercepted<CallEnd> {
///         Ok(Some(Box::new(InSpan(span(emission.event_name())))))
///     }
/// }
///
/// impl<End> Around<End> for InSpan {
///     fn part(&mut self, part: &mut dyn FnMut()) {
///         self.0.in_scope(part);
///     }
/// }
/// ```
pub trait Interceptor: Send + Sync + 'static {
    /// Before an emission begins.
    ///
    /// # Errors
    ///
    /// An error refuses it: no listener runs, and the report has each of them as not run, with
    /// [`NotRun::Refused`](crate::NotRun::Refused).
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        let _ = emission;
        Ok(None)
    }

    /// Before a listener is called.
    ///
    /// # Errors
    ///
    /// An error refuses this call only; the report has the listener as not run, with
    /// [`NotRun::Refused`](crate::NotRun::Refused).
    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        let _ = (emission, listener);
        Ok(None)
    }
}

impl<I: Interceptor + ?Sized> Interceptor for Arc<I> {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        (**self).emission(emission)
    }

    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        (**self).call(emission, listener)
    }
}

impl<I: Interceptor + ?Sized> Interceptor for Box<I> {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        (**self).emission(emission)
    }

    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        (**self).call(emission, listener)
    }
}

impl EmissionInfo<'_> {
    /// The bus. What is emitted through this handle counts as caused by this emission, as with
    /// [`Context::bus`](crate::Context::bus).
    pub fn bus(&self) -> Bus {
        Inner::bus_inside(self.host.share(), Frame::now())
    }
}

/// The interceptors of a bus, the outermost first.
#[derive(Default)]
pub(super) struct Interceptors(Vec<Named>);

struct Named {
    interceptor: Isolated<Box<dyn Interceptor>>,
    name: &'static str,
}

impl Inner {
    /// The interceptors, if there are any, for calls to ask.
    #[inline]
    pub(super) fn gate(&self) -> Option<&dyn Gate> {
        if self.interceptors.is_empty() { None } else { Some(&self.interceptors) }
    }
}

impl Interceptors {
    pub(super) fn push<I: Interceptor>(&mut self, interceptor: I) {
        self.0.push(Named { interceptor: Isolated::new(Box::new(interceptor)), name: type_name::<I>() });
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks them whether an emission may begin. Those that were asked before one refused have their arounds in `arounds`.
    pub(super) fn emission(&self, emission: &EmissionInfo<'_>, arounds: &mut Arounds<Report>) -> Result<(), NotRun> {
        self.ask(arounds, |interceptor| interceptor.emission(emission))
    }

    fn ask<End>(
        &self,
        arounds: &mut Arounds<End>,
        ask: impl Fn(&dyn Interceptor) -> Intercepted<End>,
    ) -> Result<(), NotRun> {
        for Named { interceptor, name } in &self.0 {
            match isolate(|| ask(&**interceptor.get())) {
                Ok(Ok(None)) => {}
                Ok(Ok(Some(around))) => arounds.push(around, name),
                Ok(Err(reason)) => return Err(NotRun::Refused(Arc::from(reason))),
                Err(message) => {
                    let reason = format!("the interceptor `{name}` panicked: {message}");
                    return Err(NotRun::Refused(Arc::from(BoxError::from(reason))));
                }
            }
        }
        Ok(())
    }
}

impl Gate for Interceptors {
    fn enter(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Result<Pass, NotRun> {
        let mut arounds = Arounds::none();
        let asked = self.ask(&mut arounds, |interceptor| interceptor.call(emission, listener));
        let mut pass = Pass::new(arounds);
        match asked {
            Ok(()) => Ok(pass),
            Err(why) => {
                pass.end(Some(&Outcome::NotRun(why.clone())));
                Err(why)
            }
        }
    }
}

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|named| named.name)).finish()
    }
}
