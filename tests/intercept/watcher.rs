//! An interceptor that writes down publishes, deliveries, and what nobody hears.

use std::sync::Arc;

use eventbus::{
    Bus, Report,
    intercept::{Around, DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor, PublishEnd, PublishInfo},
};

use super::recorder::word;
use crate::support::Log;

type PublishCheck = fn(&mut PublishInfo<'_>) -> Result<(), &'static str>;
type DeliveryCheck = fn(&DeliveryInfo<'_>) -> Result<(), &'static str>;

/// Notes publishes and deliveries, their parts, and how they end. Refuses what a closure says.
pub(crate) struct Watcher {
    log: Log<String>,
    parts: bool,
    publish: Option<PublishCheck>,
    delivery: Option<DeliveryCheck>,
}

impl Watcher {
    pub(crate) fn new(log: &Log<String>) -> Self {
        Self { log: log.clone(), parts: false, publish: None, delivery: None }
    }

    pub(crate) fn bus() -> (Bus, Log<String>) {
        let log = Log::default();
        (Bus::builder().intercept(Self::new(&log)).build(), log)
    }

    pub(crate) fn with_parts(mut self) -> Self {
        self.parts = true;
        self
    }

    pub(crate) fn on_publish(mut self, check: PublishCheck) -> Self {
        self.publish = Some(check);
        self
    }

    pub(crate) fn on_delivery(mut self, check: DeliveryCheck) -> Self {
        self.delivery = Some(check);
        self
    }

    fn watch(&self, what: String) -> Watching {
        self.log.add(what.clone());
        Watching { what, log: self.log.clone(), parts: self.parts }
    }
}

impl Interceptor for Watcher {
    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        self.publish.map_or(Ok(()), |check| check(publish))?;
        Ok(Some(Box::new(self.watch(format!("publish {}", publish.message().event_name())))))
    }

    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        self.delivery.map_or(Ok(()), |check| check(delivery))?;
        let (group, name, attempt) = (delivery.group(), delivery.message().event_name(), delivery.attempt());
        Ok(Some(Box::new(self.watch(format!("{group}/{name} {attempt}")))))
    }
}

struct Watching {
    what: String,
    log: Log<String>,
    parts: bool,
}

impl Watching {
    fn record(&self, part: &mut dyn FnMut()) {
        if self.parts {
            self.log.add(format!(">{}", self.what));
        }
        part();
        if self.parts {
            self.log.add(format!("<{}", self.what));
        }
    }
}

impl Around<PublishEnd> for Watching {
    fn part(&mut self, part: &mut dyn FnMut()) {
        self.record(part);
    }

    fn end(self: Box<Self>, end: &PublishEnd) {
        self.log.add(format!("{}: {}", self.what, end.reason().unwrap_or("ok")));
    }
}

impl Around<DeliveryEnd> for Watching {
    fn part(&mut self, part: &mut dyn FnMut()) {
        self.record(part);
    }

    fn end(self: Box<Self>, end: &DeliveryEnd) {
        let next = match end.next_after() {
            _ if end.is_ignored() => ", ignored".to_owned(),
            _ if end.is_interrupted() => ", back".to_owned(),
            _ if end.is_dead_letter() => ", dead".to_owned(),
            Some(after) => format!(", again after {after:?}"),
            None => String::new(),
        };
        self.log.add(format!("{}: {}{next}", self.what, word(end.outcome())));
    }
}

/// Notes emissions, those that nobody hears among them.
pub(crate) struct Unheard(pub(crate) Log<String>);

impl Interceptor for Unheard {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        let heard = if emission.is_unheard() { "unheard" } else { "heard" };
        let (what, log) = (format!("{} {heard}", emission.event_name()), self.0.clone());
        Ok(Some(Box::new(move |report: &Report| log.add(format!("{what}: {} called", report.succeeded())))))
    }

    fn hears_unheard(&self) -> bool {
        true
    }
}

/// An interceptor of deliveries, from a closure.
pub(crate) struct OnDelivery<F>(pub(crate) F);

impl<F> Interceptor for OnDelivery<F>
where
    F: Fn(&DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> + Send + Sync + 'static,
{
    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        (self.0)(delivery)
    }
}

/// An interceptor of publishes, from a closure.
pub(crate) struct OnPublish<F>(pub(crate) F);

impl<F> Interceptor for OnPublish<F>
where
    F: Fn(&mut PublishInfo<'_>) -> Intercepted<PublishEnd> + Send + Sync + 'static,
{
    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        (self.0)(publish)
    }
}

#[test]
fn an_interceptor_behind_a_pointer_sees_the_same() {
    let log = Log::default();
    let shared: Arc<dyn Interceptor> = Arc::new(Unheard(log.clone()));
    let boxed: Box<dyn Interceptor> = Box::new(Unheard(log.clone()));
    let bus = Bus::builder().intercept(shared).intercept(boxed).build();
    assert!(bus.emit(crate::support::Ping).blocking().is_ok());
    assert_eq!(log.take(), ["ping unheard: 0 called"; 2]);
}
