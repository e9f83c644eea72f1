//! One chain across everything that a bus does is one tree.

use std::time::Duration;

use eventbus::{
    Bus, Delivery, Event, Failed, Retry,
    trace::{Correlation, TraceNode, Traced},
};

use super::shape;

#[derive(Event)]
#[event(name = "order.placed")]
struct OrderPlaced;

#[derive(Event)]
#[event(name = "stock.reserved")]
struct StockReserved;

#[derive(Event)]
#[event(name = "mail.wanted")]
struct MailWanted;

#[derive(Event)]
#[event(name = "mail.lost")]
struct MailLost;

const LONG: Duration = Duration::from_mins(1);

fn wired() -> Bus {
    let bus = Bus::builder().trace(100).on_failure(|_| {}).build();
    bus.listener::<OrderPlaced>().named("stock").with_context().on(|_, cx| {
        cx.bus().emit(StockReserved).spawn();
    });
    bus.listener::<StockReserved>().named("ledger").filter(|_| false).on(|_| {});
    bus.listener::<StockReserved>().named("wait").on_async(|_| tokio::time::sleep(Duration::from_millis(20)));
    bus.listener::<StockReserved>().named("mail").spawned().with_context().on_async(|_, cx| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        cx.bus().publish(MailWanted).await
    });
    bus.on::<Failed<MailWanted>>(|_| {});
    bus
}

#[tokio::test(start_paused = true)]
async fn a_chain_across_everything_is_one_tree() {
    let bus = wired();
    let handler = |_, delivery: Delivery| async move {
        tokio::time::sleep(Duration::from_millis(3)).await;
        if delivery.attempt() == 2 {
            delivery.bus().unwrap().emit(MailLost).await.into_result()?;
        }
        Err::<(), _>(eventbus::BoxError::from("no server"))
    };
    let retry = Retry::fixed(Duration::from_secs(1)).max_attempts(2);
    bus.consumer("mailer").handle::<MailWanted>(handler).retry(retry).start().await.unwrap();

    assert!(bus.emit(OrderPlaced).await.is_ok());
    bus.settled().await.unwrap();
    bus.drained(LONG).await.unwrap();
    bus.settled().await.unwrap();

    let trace = bus.trace();
    let expected = [
        "emit order.placed #_: ok, 0ns",
        "  listener `stock` (tree.rs), sync: ok, 0ns",
        "    emit stock.reserved #_: ok, 20ms",
        "      listener `ledger` (tree.rs), sync: skipped: its filter said no",
        "      listener `wait` (tree.rs), async: ok, 20ms",
        "      listener `mail` (tree.rs), spawned: ok, 5ms",
        "        publish mail.wanted <id>: ok, 0ns",
        "          handler of group `mailer` (tree.rs), attempt 1: failed: no server; again after 1s, 3ms",
        "          handler of group `mailer` (tree.rs), attempt 2: failed: no server; it is a dead letter, 3ms",
        "            emit mail.lost #_: nobody listens, 0ns",
        "            emit delivery.failed #_: ok, 0ns",
        "              listener #_ (tree.rs), sync: ok, 0ns",
    ];
    assert_eq!(shape(&trace), expected, "{trace}");

    let root = trace.roots().next().unwrap();
    assert_eq!(trace.roots().count(), 1);
    assert!(
        trace.nodes().all(|node| node.correlation() == root.correlation() && node.root().event() == "order.placed")
    );
    let Traced::Emission { id, .. } = root.what() else { panic!("{root:?}") };
    assert_eq!(root.correlation(), Correlation::Emission(*id));
    let message = trace.nodes().find_map(TraceNode::message_id).unwrap();
    assert_eq!(trace.root_of_message(message).unwrap().to_string(), trace.to_string());
}

#[tokio::test(start_paused = true)]
async fn getters_walk_what_is_printed() {
    let bus = wired();
    assert!(bus.emit(OrderPlaced).await.is_ok());
    bus.settled().await.unwrap();
    let trace = bus.trace();

    let order = trace.roots().next().unwrap();
    let stock = order.children().next().unwrap();
    assert_eq!(stock.listener().and_then(|listener| listener.name()), Some("stock"));
    let reserved = stock.children().next().unwrap();
    let names: Vec<_> = reserved.children().map(|call| call.listener().unwrap().name().unwrap()).collect();
    assert_eq!(names, ["ledger", "wait", "mail"]);
    assert_eq!(reserved.took(), Some(Duration::from_millis(20)));
    assert_eq!(reserved.parent().and_then(TraceNode::parent).map(TraceNode::event), Some("order.placed"));
    assert_eq!(reserved.subtree().count(), 5);
    assert_eq!(order.subtree().count(), trace.nodes().count());
    assert!(reserved.began() >= order.began() && order.depth() == 0 && reserved.depth() == 2);
}

#[cfg(feature = "serde")]
#[tokio::test(start_paused = true)]
async fn serialised_each_node_names_its_parent() {
    let bus = wired();
    assert!(bus.emit(OrderPlaced).await.is_ok());
    bus.settled().await.unwrap();
    let trace = serde_json::to_value(bus.trace()).unwrap();
    let nodes = trace["nodes"].as_array().unwrap();
    let of = |at: usize| (nodes[at]["what"].as_str().unwrap(), nodes[at]["parent"].as_u64());
    assert_eq!(
        (0..nodes.len()).map(of).collect::<Vec<_>>(),
        [
            ("emission", None),
            ("call", Some(0)),
            ("emission", Some(1)),
            ("call", Some(2)),
            ("call", Some(2)),
            ("call", Some(2)),
            ("publish", Some(5)),
        ]
    );
    assert_eq!(nodes[3]["outcome"]["word"], "skipped");
    assert_eq!(nodes[4]["took_nanos"], 20_000_000);
    assert_eq!(nodes[6]["correlation"], nodes[0]["correlation"]);
}

#[test]
fn a_bus_without_a_trace_says_so() {
    let bus = Bus::new();
    bus.on::<OrderPlaced>(|_| {});
    assert!(bus.emit(OrderPlaced).blocking().is_ok());
    let trace = bus.trace();
    assert_eq!((trace.nodes().count(), trace.capacity()), (0, None));
    assert!(trace.to_string().starts_with("this bus keeps no trace"), "{trace}");
    assert!(Bus::builder().trace(0).build().trace().capacity().is_none());
    let empty = Bus::builder().trace(9).build().trace();
    assert_eq!(empty.capacity(), Some(9));
    assert!(empty.to_string().starts_with("nothing was emitted"), "{empty}");
}
