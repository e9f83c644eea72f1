//! What stands below what, where it is not obvious.

use std::time::Duration;

use eventbus::{
    Bus, Delivery,
    transport::{Memory, MessageId},
};

use super::support::{Numbered, Ping, Pong, finishes};
use super::{shape, words};

const LONG: Duration = Duration::from_mins(1);

#[test]
fn what_a_filter_emits_stands_below_the_emission() {
    let bus = Bus::builder().trace(10).build();
    let weak = bus.downgrade();
    let asks = move |_: &Ping| weak.upgrade().unwrap().emit(Pong).blocking().is_ok();
    bus.listener::<Ping>().filter(asks).on(|_| {});
    assert!(bus.emit(Ping).blocking().is_ok());
    let trace = bus.trace();
    assert_eq!(words(&trace), [(0, "ok"), (1, "nobody listens"), (1, "ok")], "{trace}");
}

#[tokio::test]
async fn a_blocking_listener_emits_below_its_call() {
    let bus = Bus::builder().trace(10).build();
    bus.listener::<Ping>().with_context().on_blocking(|_, cx| drop(cx.bus().emit(Pong).blocking()));
    assert!(bus.emit(Ping).await.is_ok());
    let trace = bus.trace();
    assert_eq!(words(&trace), [(0, "ok"), (1, "ok"), (2, "nobody listens")], "{trace}");
}

#[tokio::test]
async fn a_task_of_a_listeners_own_stands_below_the_emission() {
    let bus = Bus::builder().trace(10).build();
    let (done, mut wait) = tokio::sync::mpsc::channel(1);
    bus.listener::<Ping>().with_context().on_async(move |_, cx| {
        let (bus, done) = (cx.bus(), done.clone());
        async move {
            tokio::spawn(async move {
                assert!(bus.emit(Pong).await.is_ok());
                done.send(()).await.unwrap();
            });
        }
    });
    assert!(bus.emit(Ping).await.is_ok());
    wait.recv().await.unwrap();
    let trace = bus.trace();
    assert_eq!(words(&trace), [(0, "ok"), (1, "ok"), (1, "nobody listens")], "{trace}");
}

#[tokio::test]
async fn what_two_groups_emit_stands_below_the_delivery_of_each() {
    let bus = Bus::builder().trace(20).build();
    for (group, number) in [("one", 1), ("two", 2)] {
        let handler = move |_, delivery: Delivery| async move {
            tokio::task::yield_now().await;
            delivery.bus().unwrap().emit(Numbered(number)).await.into_result().map(drop)
        };
        bus.consumer(group).handle::<Ping>(handler).start().await.unwrap();
    }
    bus.publish(Ping).await.unwrap();
    bus.drained(LONG).await.unwrap();
    let trace = bus.trace();
    let expected = [(0, "ok"), (1, "ok"), (2, "nobody listens"), (1, "ok"), (2, "nobody listens")];
    assert_eq!(words(&trace), expected, "{trace}");
}

#[tokio::test]
async fn what_a_handler_publishes_stands_below_its_delivery() {
    let bus = Bus::builder().trace(20).build();
    let publishes = |_, delivery: Delivery| async move { delivery.bus().unwrap().publish(Pong).await };
    bus.consumer("g").handle::<Ping>(publishes).start().await.unwrap();
    bus.consumer("h").handle::<Pong>(|_, _| async {}).start().await.unwrap();
    bus.publish(Ping).await.unwrap();
    bus.drained(LONG).await.unwrap();
    let trace = bus.trace();
    assert_eq!(words(&trace), [(0, "ok"), (1, "ok"), (2, "ok"), (3, "ok")], "{trace}");
}

#[tokio::test]
async fn a_delivery_of_another_bus_is_a_root_that_says_from_where() {
    let memory = std::sync::Arc::new(Memory::new());
    let shop = Bus::builder().transport(memory.clone()).source("shop").trace(10).build();
    let post = Bus::builder().transport(memory).source("post").trace(10).build();
    post.consumer("mailer").handle::<Ping>(|_, _| async {}).start().await.unwrap();
    let id = MessageId::new();
    shop.publish(Ping).id(id).await.unwrap();
    post.drained(LONG).await.unwrap();
    let trace = post.trace();
    let [delivery] = trace.roots().collect::<Vec<_>>()[..] else { panic!("{trace}") };
    assert_eq!(delivery.message_id(), Some(id));
    let line = trace.to_string();
    assert!(line.starts_with(&format!("deliver ping {id} handler of group `mailer`")), "{line}");
    assert!(line.ends_with("(published by `shop`, not in this trace)\n"), "{line}");
    assert_eq!(shape(&shop.trace())[0].split(": ").next(), Some("publish ping <id>"));
}

#[test]
fn an_emission_nested_across_two_buses_says_which_emission_caused_it() {
    let (outer, inner) = (Bus::builder().trace(10).build(), Bus::builder().trace(10).build());
    let other = inner.clone();
    outer.on::<Ping>(move |_| drop(other.emit(Pong).blocking()));
    let ping = outer.emit(Ping).blocking().emission().unwrap();
    let trace = inner.trace();
    assert!(trace.to_string().contains(&format!("caused by emission #{ping}, which")), "{trace}");
}

#[test]
fn a_trace_may_be_read_inside_a_listener() {
    let seen = finishes("a trace inside of a listener", || {
        let bus = Bus::builder().trace(10).build();
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let see = seen.clone();
        bus.listener::<Ping>().with_context().on(move |_, cx| *see.lock().unwrap() = words(&cx.bus().trace()));
        assert!(bus.emit(Ping).blocking().is_ok());
        let seen = seen.lock().unwrap();
        seen.clone()
    });
    assert_eq!(seen, [(0, "running"), (1, "running")]);
}

#[test]
fn an_errors_display_that_uses_the_bus_finds_no_lock_held() {
    struct Asks(eventbus::WeakBus);
    impl std::fmt::Display for Asks {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{} nodes", self.0.upgrade().map_or(0, |bus| bus.trace().nodes().count()))
        }
    }
    impl std::fmt::Debug for Asks {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Asks")
        }
    }
    impl std::error::Error for Asks {}
    let text = finishes("an error that asks for the trace", || {
        let bus = Bus::builder().trace(10).on_failure(|_| {}).build();
        let weak = bus.downgrade();
        bus.on::<Ping>(move |_| Err::<(), _>(eventbus::BoxError::from(Asks(weak.clone()))));
        assert!(!bus.emit(Ping).blocking().is_ok());
        bus.trace().nodes().nth(1).unwrap().outcome().to_string()
    });
    assert_eq!(text, "failed: 2 nodes");
}
