//! Rivals that carry events inside the process.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jaeb::{EventBus as Jaeb, EventHandler, HandlerResult};
use kameo::{
    Actor,
    actor::Spawn,
    mailbox,
    message::{Context, Message},
};

use super::{Countdown, ids};
use crate::sample::Sample;

#[derive(Actor)]
struct Counter(Arc<Countdown>);

impl Message<Arc<Sample>> for Counter {
    type Reply = ();

    async fn handle(&mut self, sample: Arc<Sample>, _: &mut Context<Self, Self::Reply>) {
        self.0.count(&sample);
    }
}

/// An actor for each worker; producers go round.
pub(super) async fn kameo(producers: usize, workers: usize, events: u32) -> Duration {
    let countdown = Countdown::new(events);
    let actors: Vec<_> = (0..workers)
        .map(|_| Counter::spawn_with_mailbox(Counter(Arc::clone(&countdown)), mailbox::bounded(1024)))
        .collect();
    let start = Instant::now();
    for producer in 0..producers {
        let actors = actors.clone();
        tokio::spawn(async move {
            for (id, actor) in ids(producer, producers, events).zip(actors.iter().cycle()) {
                if actor.tell(Arc::new(Sample::new(id))).await.is_err() {
                    return;
                }
            }
        });
    }
    countdown.elapsed(start).await
}

struct Counts(Arc<Countdown>);

impl EventHandler<Sample> for Counts {
    async fn handle(&self, sample: &Sample, _: &Jaeb) -> HandlerResult {
        self.0.count(sample);
        Ok(())
    }
}

/// It knows no workers: each call of an async handler is a task.
pub(super) async fn jaeb(producers: usize, _workers: usize, events: u32) -> Duration {
    let (bus, countdown) = (Jaeb::builder().build().await.expect("a bus"), Countdown::new(events));
    let _ = bus.subscribe(Counts(Arc::clone(&countdown))).await.expect("a subscription");
    let start = Instant::now();
    for producer in 0..producers {
        let bus = bus.clone();
        tokio::spawn(async move {
            for id in ids(producer, producers, events) {
                if bus.publish(Sample::new(id)).await.is_err() {
                    return;
                }
            }
        });
    }
    countdown.elapsed(start).await
}
