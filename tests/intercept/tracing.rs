//! `Bus::builder().tracing(..)`: spans with the right parents, and events for what goes wrong.

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    Bus, Retry,
    intercept::{Propagation, TraceContext, Tracing},
};
use tracing::{
    Event, Span, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

use crate::support::{Ping, Pong, hush};

const LONG: Duration = Duration::from_mins(1);

/// What a subscriber was told.
#[derive(Default, Clone)]
struct Told(Arc<Mutex<HashMap<u64, Record>>>, Arc<Mutex<Vec<String>>>);

#[derive(Default, Clone)]
struct Record {
    name: &'static str,
    parent: Option<u64>,
    fields: HashMap<&'static str, String>,
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Told {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut record = Record { name: attributes.metadata().name(), ..Record::default() };
        record.parent = context.span(id).and_then(|span| Some(span.parent()?.id().into_u64()));
        attributes.record(&mut record);
        self.0.lock().unwrap().insert(id.into_u64(), record);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        if let Some(record) = self.0.lock().unwrap().get_mut(&id.into_u64()) {
            values.record(record);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut record = Record::default();
        event.record(&mut record);
        let inside = context.event_span(event).map_or("", |span| span.name());
        let line = format!("{} in `{inside}`: {}", event.metadata().level(), record.fields["message"]);
        self.1.lock().unwrap().push(line);
    }
}

impl Told {
    /// Collects what this thread is told until the guard is dropped. Ids of spans are not used twice meanwhile: nothing is
    /// removed from the list, so each test looks at spans that it holds apart by name.
    fn collect(&self) -> tracing::subscriber::DefaultGuard {
        tracing::subscriber::set_default(tracing_subscriber::registry().with(self.clone()))
    }

    /// The spans whose name is this, each as its way from the root, with one field.
    fn paths(&self, name: &str, field: &str) -> Vec<String> {
        let all = self.0.lock().unwrap();
        let mut paths: Vec<_> = all
            .values()
            .filter(|record| record.name == name)
            .map(|record| {
                let mut path = format!("{} {}", record.name, record.fields.get(field).map_or("-", String::as_str));
                let mut at = record.parent;
                while let Some(parent) = at.and_then(|id| all.get(&id)) {
                    path = format!("{} > {path}", parent.name);
                    at = parent.parent;
                }
                path
            })
            .collect();
        paths.sort();
        paths
    }

    fn events(&self) -> Vec<String> {
        self.1.lock().unwrap().clone()
    }
}

#[test]
fn a_nested_emission_is_a_child_of_the_listener_that_makes_it() {
    let told = Told::default();
    let _collecting = told.collect();
    let bus = Bus::builder().tracing(Tracing::new()).build();
    bus.listener::<Ping>().with_context().on(|_, cx| cx.bus().emit(Pong).blocking().into_result().map(drop));
    bus.on::<Pong>(|_| {});
    let request = tracing::info_span!("request");
    request.in_scope(|| assert!(bus.emit(Ping).blocking().is_ok()));
    drop(request);
    // Held by nothing any more, spans that have ended may share their ids with later ones: look at the deepest.
    assert_eq!(told.paths("emit", "event"), ["request > emit > listen > emit pong", "request > emit ping"]);
    assert_eq!(
        told.paths("listen", "outcome"),
        ["request > emit > listen > emit > listen ok", "request > emit > listen ok"]
    );
}

#[tokio::test]
async fn a_spawned_emission_is_a_child_of_the_span_that_spawns_it() {
    let told = Told::default();
    let _collecting = told.collect();
    let bus = Bus::builder().tracing(Tracing::new()).build();
    bus.listener::<Ping>().spawned().on_async(|_| async {
        tracing::info!("inside");
    });
    let request = tracing::info_span!("request");
    let emission = request.in_scope(|| bus.emit(Ping).spawn());
    assert!(emission.await.is_ok());
    assert_eq!(told.paths("emit", "outcome"), ["request > emit ok"]);
    assert_eq!(told.events(), ["INFO in `listen`: inside"], "the task of a spawned listener is in its span");
}

/// Takes the number of a span for its id.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<String>>);

impl Propagation for Numbers {
    fn inject(&self, span: &Span) -> Option<TraceContext> {
        TraceContext::new(7, span.id()?.into_u64(), 1)
    }

    fn set_parent(&self, _: &Span, parent: &TraceContext) {
        write!(self.0.lock().unwrap(), "parent {parent};").unwrap();
    }

    fn link(&self, _: &Span, to: &TraceContext) {
        write!(self.0.lock().unwrap(), "link {to};").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_continues_the_trace_of_its_publish_or_is_linked_to_it() {
    for (is_linked, verb) in [(false, "parent"), (true, "link")] {
        let told = Told::default();
        let _collecting = told.collect();
        let numbers = Numbers::default();
        let tracing = Tracing::new().propagation(numbers.clone());
        let bus = Bus::builder().tracing(if is_linked { tracing.linked() } else { tracing }).build();
        let consumer = bus.consumer("mailer").handle::<Ping>(|_, delivery| async move {
            delivery.bus().unwrap().emit(Pong).await.into_result().map(drop)
        });
        bus.on::<Pong>(|_| {});
        consumer.start().await.unwrap();
        bus.publish(Ping).await.unwrap();
        bus.drained(LONG).await.unwrap();
        let publish =
            told.0.lock().unwrap().iter().find(|(_, span)| span.name == "publish").map(|(id, _)| *id).unwrap();
        let expected = format!("{verb} 00-{:032x}-{publish:016x}-01;", 7);
        assert_eq!(*numbers.0.lock().unwrap(), expected);
        assert_eq!(told.paths("publish", "messaging.destination.name"), ["publish ping"]);
        assert_eq!(told.paths("handle", "messaging.consumer.group.name"), ["handle mailer"]);
        assert_eq!(told.paths("handle", "outcome"), ["handle ok"]);
        assert_eq!(told.paths("emit", "event"), ["handle > emit pong"]);
        bus.shutdown(LONG).await;
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_events_instead_of_lines_on_stderr() {
    hush();
    let told = Told::default();
    let _collecting = told.collect();
    let bus = Bus::builder().tracing(Tracing::new()).build();
    bus.listener::<Ping>().named("fails").on(|_| Err("no"));
    bus.listener::<Ping>().named("panics").on(|_| panic!("boom"));
    drop(bus.emit(Ping).blocking());
    let consumer = bus.consumer("g").handle::<Pong>(|_, _| async { Err("never") });
    consumer.retry(Retry::fixed(Duration::from_secs(1)).max_attempts(2)).start().await.unwrap();
    bus.publish(Pong).await.unwrap();
    bus.drained(LONG).await.unwrap();
    let events = told.events();
    let begins: Vec<_> = events.iter().map(|line| line.split(" (").next().unwrap()).collect();
    assert_eq!(begins[0], "WARN in `emit`: ping: listener `fails`");
    assert_eq!(begins[1], "ERROR in `emit`: ping: listener `panics`");
    assert!(events[2].starts_with("WARN") && events[2].ends_with("another follows)"), "{events:?}");
    assert!(events[3].starts_with("ERROR") && events[3].ends_with("it is a dead letter)"), "{events:?}");
    assert_eq!(events.len(), 4);
    assert_eq!(told.paths("handle", "outcome"), ["handle failed", "handle failed"]);
    bus.shutdown(LONG).await;
}

#[test]
fn a_hook_of_the_users_is_called_instead() {
    let told = Told::default();
    let _collecting = told.collect();
    let heard = Arc::new(Mutex::new(0));
    let hook = Arc::clone(&heard);
    let bus = Bus::builder().on_failure(move |_| *hook.lock().unwrap() += 1).tracing(Tracing::new()).build();
    bus.on::<Ping>(|_| Err("no"));
    drop(bus.emit(Ping).blocking());
    assert_eq!((*heard.lock().unwrap(), told.events().len()), (1, 0));
}
