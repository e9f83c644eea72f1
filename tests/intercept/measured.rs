//! `Bus::builder().metrics(..)`: what is counted and measured, under which names and labels.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{Bus, Retry, intercept::Metrics};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, NoopRecorder, Recorder,
    SharedString, Unit,
};

use crate::support::{Ping, Pong, hush};

const LONG: Duration = Duration::from_mins(1);

/// A recorder that keeps what it is told, by name and labels.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Values>>);

#[derive(Default)]
struct Values {
    numbers: BTreeMap<String, f64>,
    units: BTreeMap<String, Unit>,
}

struct Cell(Kept, String);

impl Kept {
    fn bus(&self) -> Bus {
        Bus::builder().metrics(Metrics::with_recorder(self.clone())).on_failure(|_| {}).build()
    }

    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        Arc::new(Cell(self.clone(), format!("{} {}", key.name(), labels.join(" "))))
    }

    fn describe(&self, name: &KeyName, unit: Option<Unit>) {
        self.0.lock().unwrap().units.insert(name.as_str().to_owned(), unit.unwrap());
    }

    /// The lines of a name, without labels that are always the same.
    fn lines(&self, name: &str) -> Vec<String> {
        let fixed =
            ["messaging.system=eventbus ", "messaging.operation.name=handle ", "messaging.operation.type=process "];
        let values = self.0.lock().unwrap();
        let of_name = values.numbers.iter().filter(|(key, _)| key.split(' ').next() == Some(name));
        let line = |(key, value): (&String, &f64)| {
            let key = fixed.iter().fold(key.clone(), |key, fixed| key.replace(fixed, ""));
            let key = key.split_once(' ').unwrap().1.to_owned();
            format!("{key}: {value}").trim_start_matches(": ").to_owned()
        };
        of_name.map(line).collect()
    }
}

impl Cell {
    fn set(&self, to: impl FnOnce(f64) -> f64) {
        let mut values = (self.0).0.lock().unwrap();
        let number = values.numbers.entry(self.1.clone()).or_default();
        *number = to(*number);
    }
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.set(|number| number + f64::from(u32::try_from(value).unwrap()));
    }

    fn absolute(&self, value: u64) {
        self.set(|_| f64::from(u32::try_from(value).unwrap()));
    }
}

impl GaugeFn for Cell {
    fn increment(&self, value: f64) {
        self.set(|number| number + value);
    }

    fn decrement(&self, value: f64) {
        self.set(|number| number - value);
    }

    fn set(&self, value: f64) {
        self.set(|_| value);
    }
}

/// Keeps the sum.
impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.set(|number| number + value);
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

#[tokio::test(start_paused = true)]
async fn emissions_and_calls_are_counted_by_how_they_ended_and_timed() {
    hush();
    let kept = Kept::default();
    let bus = kept.bus();
    assert!(bus.emit(Ping).await.is_ok());
    bus.on_async::<Ping>(|_| tokio::time::sleep(Duration::from_millis(250)));
    assert!(bus.emit(Ping).await.is_ok());
    bus.on::<Ping>(|_| Err("no"));
    bus.on::<Ping>(|_| panic!("boom"));
    let stuck = bus.listener::<Ping>().timeout(Duration::from_secs(1)).on_async(|_| std::future::pending::<()>());
    assert_eq!(bus.emit(Ping).await.failures().len(), 3);
    stuck.off();
    assert_eq!(bus.emit(Ping).await.failures().len(), 2);

    let of = |outcomes: &[&str]| outcomes.iter().map(|line| format!("event=ping outcome={line}")).collect::<Vec<_>>();
    assert_eq!(kept.lines("eventbus.emissions"), of(&["failed: 2", "ok: 1", "unheard: 1"]));
    assert_eq!(kept.lines("eventbus.emission.duration"), of(&["failed: 1.25", "ok: 0.25"]));
    assert_eq!(kept.lines("eventbus.calls"), of(&["failed: 2", "ok: 3", "panicked: 2", "timed_out: 1"]));
    assert_eq!(kept.lines("eventbus.call.duration"), of(&["failed: 0", "ok: 0.75", "panicked: 0", "timed_out: 1"]));
}

#[tokio::test(start_paused = true)]
async fn publishes_and_attempts_have_the_names_of_opentelemetry() {
    let kept = Kept::default();
    let bus = kept.bus();
    let consumer = bus.consumer("mailer").handle::<Ping>(|_, delivery| async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if delivery.attempt() < 3 { Err("no server") } else { Ok(()) }
    });
    consumer.retry(Retry::fixed(Duration::from_secs(1)).max_attempts(3)).start().await.unwrap();
    let gives_up = bus.consumer("search").handle::<Ping>(|_, _| async { Err("no index") });
    gives_up.retry(Retry::never()).start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    assert!(bus.shutdown(LONG).await.is_clean());
    assert!(bus.publish(Ping).await.is_err(), "it is closed: the bus refuses it, and asks nobody");

    let of_publish = "messaging.operation.name=publish messaging.operation.type=send messaging.destination.name=ping: ";
    assert_eq!(kept.lines("messaging.client.sent.messages"), [format!("{of_publish}1")]);
    assert_eq!(kept.lines("messaging.client.operation.duration"), [format!("{of_publish}0")]);
    let of = |group: &str, rest: &str| {
        format!("messaging.destination.name=ping messaging.consumer.group.name={group}{rest}")
    };
    assert_eq!(
        kept.lines("messaging.client.consumed.messages"),
        [of("mailer", ": 1"), of("mailer", " error.type=failed: 2"), of("search", " error.type=failed: 1")]
    );
    assert_eq!(
        kept.lines("messaging.process.duration"),
        [of("mailer", ": 0.5"), of("mailer", " error.type=failed: 1"), of("search", " error.type=failed: 0")]
    );
    let group = |name: &str, count: u32| format!("messaging.consumer.group.name={name}: {count}");
    assert_eq!(kept.lines("eventbus.retries"), [group("mailer", 2)]);
    assert_eq!(kept.lines("eventbus.dead_letters"), [group("search", 1)]);
    let units = &kept.0.lock().unwrap().units;
    assert_eq!(units["messaging.process.duration"], Unit::Seconds);
    assert_eq!(units["messaging.client.consumed.messages"], Unit::Count);
}

#[test]
fn names_from_outside_become_no_labels() {
    let kept = Kept::default();
    let bus = kept.bus();
    bus.on_pattern("**", |_| {}).unwrap();
    for name in ["user.ada", "user.grace", "user.nobody"] {
        assert!(bus.emit_name(name, 7_u32).unwrap().blocking().is_ok());
    }
    bus.on::<Ping>(|_| {});
    assert!(bus.emit_name("ping", Ping).unwrap().blocking().is_ok());
    let calls = ["event=_OTHER outcome=ok: 3", "event=ping outcome=ok: 2"];
    assert_eq!(kept.lines("eventbus.calls"), calls);
}

#[tokio::test(start_paused = true)]
async fn gauges_say_what_is_so_when_they_are_set() {
    let kept = Kept::default();
    let bus = kept.bus();
    let consumer = bus.consumer("mailer").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    consumer.pause();
    bus.publish(Ping).await.unwrap();
    bus.publish(Ping).await.unwrap();
    bus.publish(Ping).after(LONG).await.unwrap();
    bus.publish(Pong).await.unwrap();
    assert_eq!(kept.lines("eventbus.queue.depth"), [""; 0], "nobody has asked");

    let read = async |names: &[&str]| {
        bus.record_gauges().await;
        let of_group = "messaging.consumer.group.name=mailer: ";
        names.iter().flat_map(|name| kept.lines(name)).map(|line| line.replace(of_group, "")).collect::<Vec<_>>()
    };
    let names =
        ["queue.depth", "queue.delayed", "consumer.paused", "consumer.stalled", "consumer.in_flight", "unrouted"];
    let names = names.map(|name| format!("eventbus.{name}"));
    let names = names.each_ref().map(String::as_str);
    assert_eq!(read(&names).await, ["2", "1", "1", "0", "0", "1"]);
    consumer.resume();
    tokio::time::sleep(LONG).await;
    bus.drained(LONG).await.unwrap();
    assert_eq!(read(&names).await, ["0", "0", "0", "0", "0", "1"]);
    bus.publish(Ping).after(LONG).await.unwrap();
    assert_eq!(read(&["eventbus.queue.delayed"]).await, ["1"]);
    consumer.remove(LONG).await.unwrap();
    assert_eq!(read(&["eventbus.queue.delayed"]).await, ["0"], "the group is not there any more");
}

#[test]
fn without_a_recorder_the_bus_has_no_interceptor() {
    for metrics in [Metrics::new(), Metrics::with_recorder(NoopRecorder)] {
        let builder = Bus::builder().metrics(metrics);
        assert!(format!("{builder:?}").contains("interceptors: []"));
        assert!(builder.build().emit(Ping).blocking().is_ok());
    }
}

/// As those in the docs of `metrics`, it has no size; and it keeps no gauges.
struct WithoutSize;

impl Recorder for WithoutSize {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Kept::default().cell(key))
    }
}

#[test]
fn an_installed_recorder_is_found_whatever_it_is() {
    let finds = || {
        let builder = Bus::builder().metrics(Metrics::new());
        !format!("{builder:?}").contains("interceptors: []")
    };
    assert!(metrics::with_local_recorder(&WithoutSize, finds));
    assert!(!metrics::with_local_recorder(&NoopRecorder, finds));
    let kept = Kept::default();
    metrics::with_local_recorder(&kept, || {
        assert!(finds());
        let bus = Bus::builder().metrics(Metrics::new()).build();
        bus.on::<Ping>(|_| {});
        assert!(bus.emit(Ping).blocking().is_ok());
    });
    assert_eq!(kept.lines("eventbus.calls"), ["event=ping outcome=ok: 1"]);
    assert_eq!(kept.lines("messaging.process.duration"), [""; 0], "looking for it leaves no trace");
}
