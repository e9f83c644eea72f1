//! Asking the interceptors of a bus.

use std::{any::type_name, error::Error, fmt, sync::Arc};

use super::{
    around::CallEnd,
    delivery_info::{DeliveryEnd, DeliveryInfo},
    guards::{CallGuard, GuardStack},
    handle::{EmissionInfo, Intercepted, Interceptor, Interceptors, Named},
    publish_info::{PublishEnd, PublishInfo},
    report::Report,
};
use crate::{
    call::Isolated,
    event::isolate,
    listener::{BoxError, ListenerInfo, NotRun, Outcome},
};

/// Why an interceptor has refused.
type Reason = Arc<dyn Error + Send + Sync>;

impl Interceptors {
    pub(crate) fn push<I: Interceptor>(&mut self, interceptor: I) {
        let interceptor: Isolated<Box<dyn Interceptor>> = Isolated::new(Box::new(interceptor));
        // One that panics is asked no more than others are.
        let hears_unheard = isolate(|| interceptor.get().hears_unheard()).unwrap_or(false);
        self.0.push(Named { interceptor, name: type_name::<I>(), hears_unheard });
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one wants to know of emissions that nobody hears.
    pub(crate) fn hear_unheard(&self) -> bool {
        self.0.iter().any(|named| named.hears_unheard)
    }

    /// Asks whether an emission may begin. The guards of those that were asked before one refused are in `guards`.
    pub(super) fn admit_emission(
        &self,
        emission: &EmissionInfo<'_>,
        guards: &mut GuardStack<Report>,
    ) -> Result<(), NotRun> {
        let asked = self.0.iter().filter(|named| named.hears_unheard || !emission.is_unheard);
        ask(asked, guards, |interceptor| interceptor.emission(emission)).map_err(NotRun::Refused)
    }

    /// Asks whether a listener may be called, and what is around its call. Does not panic.
    pub(super) fn admit_call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Result<CallGuard, NotRun> {
        let mut guards = GuardStack::none();
        let asked = ask(&self.0, &mut guards, |interceptor| interceptor.call(emission, listener));
        let mut guard = CallGuard::new(guards);
        match asked {
            Ok(()) => Ok(guard),
            Err(reason) => {
                let why = NotRun::Refused(reason);
                guard.end(Some(&Outcome::NotRun(why.clone())));
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
        ask(&self.0, guards, |interceptor| interceptor.publish(publish))
    }

    /// Asks whether an attempt to handle a delivery may begin. The guards of those that were asked before one refused are in
    /// `guards`.
    pub(crate) fn admit_delivery(
        &self,
        delivery: &DeliveryInfo<'_>,
        guards: &mut GuardStack<DeliveryEnd>,
    ) -> Result<(), Reason> {
        ask(&self.0, guards, |interceptor| interceptor.delivery(delivery))
    }
}

fn ask<'a, End>(
    interceptors: impl IntoIterator<Item = &'a Named>,
    guards: &mut GuardStack<End>,
    mut ask: impl FnMut(&dyn Interceptor) -> Intercepted<End>,
) -> Result<(), Reason> {
    for Named { interceptor, name, .. } in interceptors {
        match isolate(|| ask(&**interceptor.get())) {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(around))) => guards.push(around, name),
            Ok(Err(reason)) => return Err(Arc::from(reason)),
            Err(message) => {
                let reason = format!("the interceptor `{name}` panicked: {message}");
                return Err(Arc::from(BoxError::from(reason)));
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

            fn hears_unheard(&self) -> bool {
                (**self).hears_unheard()
            }
        }
    )*};
}

by_pointer!(Arc, Box);

impl fmt::Debug for Interceptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|named| named.name)).finish()
    }
}
