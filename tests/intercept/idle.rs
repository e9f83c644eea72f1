//! Interceptors that have nothing to do are not asked, and what was asked about ends though they have nothing to do by then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use eventbus::{
    Bus, Report, Retry,
    intercept::{DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor, PublishEnd, PublishInfo},
};
use tokio::sync::Notify;

use crate::support::{Log, Ping, Pong};

const LONG: Duration = Duration::from_mins(1);

/// Notes what it is asked, and how that ends; does nothing while it is idle.
#[derive(Clone, Default)]
struct Switched {
    is_idle: Arc<AtomicBool>,
    hears_unheard: bool,
    log: Log<String>,
}

impl Switched {
    fn bus(&self) -> Bus {
        Bus::builder().intercept(self.clone()).on_failure(|_| {}).build()
    }

    fn idle(&self, is_idle: bool) {
        self.is_idle.store(is_idle, SeqCst);
    }
}

impl Interceptor for Switched {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        self.log.add(format!("emit {}", emission.event_name()));
        Ok(None)
    }

    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        self.log.add(format!("publish {}", publish.message().event_name()));
        Ok(None)
    }

    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        let (name, log) = (format!("{} {}", delivery.message().event_name(), delivery.attempt()), self.log.clone());
        log.add(format!("handle {name}"));
        Ok(Some(Box::new(move |end: &DeliveryEnd| log.add(format!("end {name} {}", end.is_ok())))))
    }

    fn hears_unheard(&self) -> bool {
        self.hears_unheard
    }

    fn is_idle(&self) -> bool {
        self.is_idle.load(SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn while_all_are_idle_none_is_asked() {
    for hears_unheard in [false, true] {
        let (one, other) = (Switched { hears_unheard, ..Switched::default() }, Switched::default());
        let bus = Bus::builder().intercept(one.clone()).intercept(other.clone()).on_failure(|_| {}).build();
        bus.on::<Ping>(|_| {});
        bus.on_async::<Ping>(|_| async {});
        bus.consumer("g").handle::<Ping>(|_, _| async {}).start().await.unwrap();
        let everything = async || {
            assert_eq!(bus.emit(Ping).await.succeeded(), 2);
            assert_eq!(bus.emit(Ping).timeout(LONG).await.succeeded(), 2);
            assert!(bus.emit(Pong).await.is_ok());
            bus.publish(Ping).await.unwrap();
            bus.publish(Ping).key("k").await.unwrap();
            bus.drained(LONG).await.unwrap();
            one.log.take().len()
        };
        one.idle(true);
        other.idle(true);
        assert_eq!(everything().await, 0);
        let asked = if hears_unheard { 9 } else { 8 };
        for (idle, other_idle) in [(false, false), (true, false), (false, true)] {
            one.idle(idle);
            other.idle(other_idle);
            assert_eq!(everything().await, asked, "one that is not idle is enough");
        }
        one.idle(true);
        other.idle(true);
        assert_eq!(everything().await, 0);
        assert!(bus.shutdown(LONG).await.is_clean());
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_ends_as_it_has_begun() {
    for begins_idle in [false, true] {
        let switched = Switched::default();
        let bus = switched.bus();
        let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (begins, goes) = (begun.clone(), go.clone());
        let consumer = bus.consumer("g").handle::<Ping>(move |_, _| {
            let (begins, goes) = (begins.clone(), goes.clone());
            async move {
                begins.notify_one();
                goes.notified().await;
            }
        });
        consumer.start().await.unwrap();
        switched.idle(begins_idle);
        bus.publish(Ping).await.unwrap();
        begun.notified().await;
        switched.idle(!begins_idle);
        go.notify_one();
        bus.drained(LONG).await.unwrap();
        let expected: &[&str] = if begins_idle { &[] } else { &["publish ping", "handle ping 1", "end ping 1 true"] };
        assert_eq!(switched.log.take(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn each_delivery_that_was_asked_about_ends_once_whenever_it_is_switched() {
    let switched = Switched::default();
    let bus = switched.bus();
    let toggles = switched.clone();
    let consumer = bus.consumer("g").handle::<Ping>(move |_, delivery| {
        toggles.idle(!toggles.is_idle());
        let fails = delivery.attempt() == 1;
        async move { if fails { Err("not yet") } else { Ok(()) } }
    });
    let consumer = consumer.retry(Retry::fixed(Duration::from_secs(1))).start().await.unwrap();
    for is_idle in [true, false] {
        consumer.pause();
        switched.idle(true);
        for _ in 0..40 {
            bus.publish(Ping).await.unwrap();
        }
        switched.idle(is_idle);
        consumer.resume();
        bus.drained(LONG).await.unwrap();
        let log = switched.log.take();
        let asked = log.len() / 2;
        assert!((1..80).contains(&asked), "some of 80 attempts were asked about: {asked}");
        let pairs = log.chunks(2).all(|pair| pair[1].starts_with(&pair[0].replace("handle", "end")));
        assert!(pairs, "each ends before the next one is asked about, and the others are not told: {log:#?}");
    }
}

#[test]
fn one_that_panics_is_not_idle() {
    struct Panics(Log<String>);

    impl Interceptor for Panics {
        fn emission(&self, _: &EmissionInfo<'_>) -> Intercepted<Report> {
            self.0.add("asked".to_owned());
            Ok(None)
        }

        fn is_idle(&self) -> bool {
            panic!("boom")
        }
    }

    crate::support::hush();
    let log = Log::default();
    let bus = Bus::builder().intercept(Panics(log.clone())).build();
    bus.on::<Ping>(|_| {});
    assert!(bus.emit(Ping).blocking().is_ok());
    assert_eq!(log.take(), ["asked"]);
}
