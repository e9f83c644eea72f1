//! Asking the interceptors of a bus.

use std::{any::type_name, error::Error, fmt, sync::Arc};

use super::{
    around::CallEnd,
    delivery_info::{DeliveryEnd, DeliveryInfo},
    guards::{CallGuard, GuardStack},
    handle::{EmissionInfo, Intercepted, Interceptor, Interceptors, NamedInterceptor, Skipped},
    publish_info::{PublishEnd, PublishInfo},
    report::Report,
};
use crate::{
    call::Isolated,
    event::isolate,
    listener::{BoxError, ListenerInfo, NotRun, Outcome, to_stderr},
};

/// Why an interceptor has refused.
type Reason = Arc<dyn Error + Send + Sync>;

/// The answer of an interceptor that has refused.
pub(super) struct InterceptorRefusal {
    pub(super) reason: Reason,
    /// The interceptor's type.
    pub(super) by: &'static str,
}

impl Interceptors {
    /// Adds one inside of the others.
    pub(crate) fn push<I: Interceptor>(&mut self, interceptor: I) {
        let at = self.0.len();
        self.insert(at, interceptor);
    }

    /// Adds one around the others.
    pub(crate) fn push_outermost<I: Interceptor>(&mut self, interceptor: I) {
        self.insert(0, interceptor);
    }

    /// The types of the interceptors, the outermost first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|named| named.name)
    }

    fn insert<I: Interceptor>(&mut self, at: usize, interceptor: I) {
        let interceptor: Isolated<Box<dyn Interceptor>> = Isolated::new(Box::new(interceptor));
        // One that panics is asked no more than others are.
        let hears_unheard = isolate(|| interceptor.get().hears_unheard()).unwrap_or(false);
        let keeps_events = isolate(|| interceptor.get().keeps_events()).unwrap_or(false);
        self.0.insert(at, NamedInterceptor { interceptor, name: type_name::<I>(), hears_unheard, keeps_events });
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether none of them has anything to do now, or there are none.
    pub(crate) fn are_idle(&self) -> bool {
        isolate(|| self.0.iter().all(|named| named.interceptor.get().is_idle())).unwrap_or(false)
    }

    /// Whether one wants to know of emissions that nobody hears.
    pub(crate) fn hear_unheard(&self) -> bool {
        self.0.iter().any(|named| named.hears_unheard)
    }

    /// Whether one keeps events.
    pub(super) fn keep_events(&self) -> bool {
        self.0.iter().any(|named| named.keeps_events)
    }

    /// Asks whether an emission may begin. The guards of those that were asked before one refused are in `guards`.
    pub(super) fn admit_emission(
        &self,
        emission: &EmissionInfo<'_>,
        guards: &mut GuardStack<Report>,
    ) -> Result<(), InterceptorRefusal> {
        let asked = self.0.iter().filter(|named| named.hears_unheard || !emission.is_unheard);
        ask(asked, guards, |interceptor| interceptor.emission(emission))
    }

    /// Asks whether a listener may be called, and what is around its call. Does not panic.
    pub(super) fn admit_call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Result<CallGuard, NotRun> {
        let mut guards = GuardStack::none();
        let asked = ask(&self.0, &mut guards, |interceptor| interceptor.call(emission, listener));
        let mut guard = CallGuard::new(guards, emission.plan.take_injected());
        match asked {
            Ok(()) => Ok(guard),
            Err(InterceptorRefusal { reason, by }) => {
                let why = NotRun::Refused(reason);
                guard.end_refused(Outcome::NotRun(why.clone()), by);
                Err(why)
            }
        }
    }

    /// Asks whether an event may be published. The guards of those that were asked before one refused are in `guards`.
    pub(crate) fn admit_publish(
        &self,
        publish: &mut PublishInfo<'_>,
        guards: &mut GuardStack<PublishEnd>,
    ) -> Result<(), Reason> {
        ask(&self.0, guards, |interceptor| interceptor.publish(publish)).map_err(|refusal| refusal.reason)
    }

    /// Asks whether an attempt to handle a delivery may begin. The guards of those that were asked before one refused are in
    /// `guards`.
    pub(crate) fn admit_delivery(
        &self,
        delivery: &DeliveryInfo<'_>,
        guards: &mut GuardStack<DeliveryEnd>,
    ) -> Result<(), Reason> {
        ask(&self.0, guards, |interceptor| interceptor.delivery(delivery)).map_err(|refusal| refusal.reason)
    }

    /// Tells of a listener that is passed over.
    #[cold]
    pub(super) fn tell_skipped(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo, why: Skipped) {
        self.tell(|interceptor| interceptor.skipped(emission, listener, why));
    }

    /// Tells of an emission that the bus does not begin.
    #[cold]
    pub(super) fn tell_not_begun(&self, emission: &EmissionInfo<'_>, report: &Report) {
        self.tell(|interceptor| report.show(|report| interceptor.not_begun(emission, report)));
    }

    fn tell(&self, tell: impl Fn(&dyn Interceptor)) {
        for NamedInterceptor { interceptor, name, .. } in &self.0 {
            if let Err(message) = isolate(|| tell(&**interceptor.get())) {
                to_stderr(&format_args!("the interceptor `{name}` panicked: {message}"));
            }
        }
    }
}

fn ask<'a, End>(
    interceptors: impl IntoIterator<Item = &'a NamedInterceptor>,
    guards: &mut GuardStack<End>,
    mut ask: impl FnMut(&dyn Interceptor) -> Intercepted<End>,
) -> Result<(), InterceptorRefusal> {
    for NamedInterceptor { interceptor, name, .. } in interceptors {
        match isolate(|| ask(&**interceptor.get())) {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(around))) => guards.push(around, name),
            Ok(Err(reason)) => return Err(InterceptorRefusal { reason: Arc::from(reason), by: name }),
            Err(message) => {
                let reason = format!("the interceptor `{name}` panicked: {message}");
                return Err(InterceptorRefusal { reason: Arc::from(BoxError::from(reason)), by: name });
            }
        }
    }
    Ok(())
}

/// Implements [`Interceptor`] for pointers to one.
macro_rules! by_pointer {
    ($($pointer:ident),*) => {$(
        impl<I: Interceptor + ?Sized> Interceptor for $pointer<I> {
            fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
                (**self).emission(emission)
            }

            fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
                (**self).call(emission, listener)
            }

            fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
                (**self).publish(publish)
            }

            fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
                (**self).delivery(delivery)
            }

            fn skipped(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo, why: Skipped) {
                (**self).skipped(emission, listener, why);
            }

            fn not_begun(&self, emission: &EmissionInfo<'_>, report: &Report) {
                (**self).not_begun(emission, report);
            }

            fn hears_unheard(&self) -> bool {
                (**self).hears_unheard()
            }

            fn is_idle(&self) -> bool {
                (**self).is_idle()
            }

            fn keeps_events(&self) -> bool {
                (**self).keeps_events()
            }
        }
    )*};
}

by_pointer!(Arc, Box);

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
