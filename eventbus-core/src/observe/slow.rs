//! Warnings of listeners and handlers that hold up a thread of async tasks.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    emission::{Around, CallEnd, DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor, Warnings},
    listener::{ListenerInfo, ListenerKind},
};

/// Times the parts of calls and of deliveries that run on threads of async tasks.
pub(crate) struct SlowListeners {
    pub(crate) limit: Duration,
    pub(crate) warnings: Arc<Warnings>,
}

impl SlowListeners {
    fn timed(&self, event: &str, listener: &ListenerInfo) -> TimedRun {
        TimedRun {
            limit: self.limit,
            warnings: Arc::clone(&self.warnings),
            event: event.to_owned(),
            listener: listener.clone(),
        }
    }
}

impl Interceptor for SlowListeners {
    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        let holds_up = match listener.kind() {
            ListenerKind::Blocking => false,
            ListenerKind::Spawned => true,
            _ => emission.is_awaited(),
        };
        Ok(if holds_up { Some(Box::new(self.timed(emission.event_name(), listener))) } else { None })
    }

    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        let Some(handler) = delivery.handler() else { return Ok(None) };
        Ok(Some(Box::new(self.timed(delivery.message().event_name(), handler))))
    }
}

struct TimedRun {
    limit: Duration,
    warnings: Arc<Warnings>,
    event: String,
    listener: ListenerInfo,
}

impl<End> Around<End> for TimedRun {
    fn part(&mut self, part: &mut dyn FnMut()) {
        let began = Instant::now();
        part();
        let took = began.elapsed();
        if took > self.limit {
            self.warnings.slow_listener(&self.event, &self.listener, took);
        }
    }
}
