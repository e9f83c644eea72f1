//! Flows of material between sites: a channel of events with a pool of workers, as one would write it in Go, here.
//!
//! ```sh
//! cargo run -p resource_flow
//! ```
//!
//! | Go | here |
//! |---|---|
//! | `eventChan := make(chan Event, 64)` | `bus.consumer("pool").capacity(64)`, in memory; a durable transport is another line |
//! | `eventChan <- event` | `bus.publish(event).await`, which waits while there is no room |
//! | `select { case eventChan <- event: default: }` | `bus.try_publish(event)`, which hands the event back |
//! | `select { case eventChan <- event: case <-ctx.Done(): }` | `bus.publish(event).cancel_on(&token)`, or `.timeout(..)` |
//! | `type Event struct { Type string; Payload any }` | a struct for each type of event, `#[derive(Event)]` |
//! | `WorkerPool{workers: 4}`, `Start(ctx)` | `bus.consumer("pool").workers(4) .. .start().await` |
//! | `type EventHandler interface { Handle(ctx, event) error }` | `Handler<E>`, or a closure: `.handle::<E>(\|e, delivery\| ..)` |
//! | `switch event.Type { default: return fmt.Errorf("unknown event type") }` | `.unknown(Unhandled::Fail)` |
//! | `for attempt := range 3 { if err == nil .. }` | `.retry(Retry::exponential(..).max_attempts(3))`; after that a dead letter |
//! | `rate.NewLimiter(200, 20)`, `Wait(ctx)` | `.rate_limit(Rate::per_second(200).burst(20))` |
//! | `ctx.Done()` in a handler | the future is dropped at its next await; `delivery.cancelled()` for what must know |
//! | `context.WithTimeout` for each event | `.timeout(..)` |
//! | `recover()` in each worker | an attempt that has failed, as one that returns an error has |
//! | `close(eventChan)`, `cancel()`, `wg.Wait()` | `bus.shutdown(deadline).await`, which also tells what became of all |
//! | a second channel for a second reader | a second group: each gets every event that it handles |
//!
//! What has no counterpart in Go: a flow's events are handled in their order, whichever worker does it (`.key(..)`), and the
//! ledger at the end adds up.
//!
//! To read it: `events.rs` says what happens, `service.rs` who handles it, `graph.rs` plays the database.

#![forbid(unsafe_code)]

mod events;
mod graph;
mod service;

use std::{sync::Arc, time::Duration};

use eventbus::{
    BoxError, Bus, Consumer, Failed, Rate, Retry, ShutdownReport, consumer::Unhandled, publish::TryPublishError,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{
    events::{ContractSigned, Flow, FlowSynced, ResourceFlowCreated, ResourceFlowUpdated, SiteCreated},
    graph::Graph,
    service::FlowService,
};

/// The flows that are created: id, site, material, tonnes.
const FLOWS: [(u64, &str, &str, i64); 6] = [
    (1, "brewery", "spent grain", 40),
    (2, "farm", "spent grain", -25),
    (3, "bakery", "heat", 12),
    (4, "greenhouse", "heat", -30),
    (5, "nowhere", "slag", 7),
    (6, "farm", "heat", -5),
];

/// The flows that are updated: id, and what is new.
const UPDATES: [(u64, i64); 2] = [(1, 20), (4, -10)];

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let bus = Bus::builder().on_failure(|failure| eprintln!("{failure}")).build();
    let graph = Arc::<Graph>::default();
    let (done, mut ended) = unbounded_channel();
    let given_up = done.clone();
    bus.on::<Failed<ResourceFlowCreated>>(move |failed| _ = given_up.send(failed.event.flow.id));

    // Paused, and small, so that its queue can be seen full.
    let service = Arc::new(FlowService { graph: Arc::clone(&graph), done });
    let small = start(&bus, &service, 8).await?;
    small.pause();
    let waiting = fill(&bus).await?;
    // What a stopped group holds, its next consumer handles.
    small.stop(Duration::from_secs(1)).await;
    start(&bus, &service, 64).await?;
    // From here on workers handle events: publishing waits while they have too much to do.
    for published in bus.publish_all(waiting).await {
        published?;
    }
    for (id, tonnes) in UPDATES {
        for flow in flows().filter(|flow| flow.id == id) {
            bus.publish(ResourceFlowUpdated { flow: Flow { tonnes, ..flow } }).await?;
        }
    }
    bus.publish(ContractSigned).await?;

    // A program that serves waits for its signal only.
    tokio::select! {
        () = all_ended(&mut ended) => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    let report = bus.shutdown(Duration::from_secs(5)).await;

    for line in graph.matches() {
        println!("{line}");
    }
    println!("flow 3 was written at attempt {}", graph.attempts(3));
    tell(&bus, &report);
    Ok(())
}

fn flows() -> impl Iterator<Item = Flow> {
    FLOWS.iter().map(|&(id, site, material, tonnes)| Flow { id, site, material, tonnes })
}

/// Publishes until there is no more room, since nothing is handled yet; what is left.
async fn fill(bus: &Bus) -> Result<Vec<ResourceFlowCreated>, BoxError> {
    for site in ["brewery", "farm", "bakery", "greenhouse"] {
        bus.publish(SiteCreated { site }).await?;
    }
    let mut created = flows().map(|flow| ResourceFlowCreated { flow });
    match created.by_ref().find_map(|event| bus.try_publish(event).err()) {
        Some(full @ TryPublishError::Full(_)) => {
            println!("{full}");
            Ok(full.into_event().into_iter().chain(created).collect())
        }
        Some(other) => Err(other.into()),
        None => Ok(Vec::new()),
    }
}

/// Starts the pool of workers, with a queue for so many events.
async fn start(bus: &Bus, service: &Arc<FlowService>, capacity: usize) -> Result<Consumer, BoxError> {
    let pool = bus.consumer("pool").workers(4).capacity(capacity);
    let pool =
        pool.handle_with::<ResourceFlowCreated>(service.clone()).handle_with::<ResourceFlowUpdated>(service.clone());
    let pool = pool.handle_with::<SiteCreated>(service.clone()).handle_with::<FlowSynced>(service.clone());
    // What happens at a site is handled in the order in which it happened; sites are handled side by side.
    let pool = pool.key::<SiteCreated>(|e| e.site).key::<ResourceFlowCreated>(|e| e.flow.site);
    let pool = pool.key::<ResourceFlowUpdated>(|e| e.flow.site);
    let pool = pool
        .unknown(Unhandled::Fail)
        .rate_limit(Rate::per_second(200).burst(20))
        .timeout(Duration::from_secs(2))
        .retry(Retry::exponential(Duration::from_millis(20)).max_attempts(3));
    Ok(pool.start().await?)
}

/// Waits until each flow that was created or updated has been matched, or given up.
async fn all_ended(ended: &mut UnboundedReceiver<u64>) {
    for _ in 0..FLOWS.len() + UPDATES.len() {
        ended.recv().await;
    }
}

/// Prints what became of all.
fn tell(bus: &Bus, report: &ShutdownReport) {
    let letters = bus.dead_letters().in_memory();
    let mut letters: Vec<_> = letters
        .iter()
        .map(|letter| format!("given up: {}, attempt {}: {}", letter.message.name(), letter.attempts, letter.error))
        .collect();
    letters.sort();
    for letter in letters {
        println!("{letter}");
    }
    let published = report.stats().published;
    println!("offered {}: accepted {}, rejected {}", published.offered, published.accepted, published.rejected);
    println!("{report}");
}
