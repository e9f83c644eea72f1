//! Order within a key.

use std::{collections::BTreeMap, sync::Arc};

use eventbus::{Delivery, transport::TransportOrdering};
use tokio::sync::Semaphore;

use super::{Log, bus_over, consuming::started, soon};
use crate::{
    Property,
    lab::Lab,
    messages::{Note, event},
    outcome::{Checked, ensure, ensure_eq, needs},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(the_order_of_a_key_is_kept_among_many_workers: T4 S9),
    property!(a_key_waits_for_its_own_first_and_for_nobody_else: T4 S5),
    property!(the_order_of_a_key_is_kept_among_processes: T4 S9),
];

const KEYS: u64 = 16;

fn key(note: &Note) -> String {
    format!("key {}", note.number % KEYS)
}

/// Whether the numbers of each key grow.
fn ensure_order(done: &[u64], clause: &str) -> Checked {
    let mut keys = BTreeMap::<u64, Vec<u64>>::new();
    for number in done {
        keys.entry(number % KEYS).or_default().push(*number);
    }
    let wrong: Vec<_> = keys.into_iter().filter(|(_, numbers)| !numbers.is_sorted()).collect();
    ensure(wrong.is_empty(), clause, "the order of publishing within each key", wrong)
}

/// T4, S9: 16 keys, up to 10 workers, some attempts that fail: the events of each key are handled in their order, each once.
async fn the_order_of_a_key_is_kept_among_many_workers(lab: &mut Lab) -> Checked {
    lab.needs_order()?;
    let (bus, errors) = lab.bus();
    let done = Log::default();
    let log = done.clone();
    let handler = move |e: Arc<Note>, delivery: Delivery| {
        let log = log.clone();
        async move {
            tokio::task::yield_now().await;
            if e.number.is_multiple_of(41) && delivery.attempt() == 1 {
                return Err("not yet");
            }
            log.add(e.number);
            Ok(())
        }
    };
    let builder = bus.consumer("group").handle::<Note>(handler).key::<Note>(key).retry(soon(3)).workers(10);
    started(builder.order_within_process().start().await)?;
    let count = lab.limits.count(320, 1000);
    for first in (0..count).step_by(40) {
        lab.publish_notes(&bus, first..(first + 40).min(count)).await?;
    }
    lab.drained(&bus, "S9").await?;
    let done = done.take();
    ensure_eq(&(done.len() as u64), &count, "S9", "each event once")?;
    ensure_order(&done, "T4")?;
    lab.shut_down(bus, &errors).await
}

/// T4, S5: while the first event of a key is handled, no other of the key is; those of other keys are. After it they go on.
async fn a_key_waits_for_its_own_first_and_for_nobody_else(lab: &mut Lab) -> Checked {
    lab.needs_order()?;
    let (bus, errors) = lab.bus();
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Log::default());
    let (held, log) = (Arc::clone(&gate), begun.clone());
    let handler = move |e: Arc<Note>, _: Delivery| {
        let held = Arc::clone(&held);
        log.add(e.number);
        async move {
            if e.number == 0 {
                drop(held.acquire().await);
            }
        }
    };
    let builder = bus.consumer("group").handle::<Note>(handler).key::<Note>(key).workers(4);
    started(builder.order_within_process().start().await)?;
    lab.publish_notes(&bus, 0..KEYS * 3).await?;
    let others = usize::try_from(KEYS * 3 - 2).unwrap_or_default();
    lab.until("S5", "all events of other keys, while one hangs", || begun.len() >= others).await?;
    let own: Vec<_> = begun.all().iter().copied().filter(|number| number % KEYS == 0).collect();
    ensure_eq(&own, &vec![0], "S5", "of the key whose first event hangs")?;
    gate.close();
    lab.drained(&bus, "S5").await?;
    let own: Vec<_> = begun.take().into_iter().filter(|number| number % KEYS == 0).collect();
    ensure_eq(&own, &vec![0, KEYS, KEYS * 2], "T4", "the key, in its order")?;
    lab.shut_down(bus, &errors).await
}

/// T4, S9: where order is kept in the whole group, two processes handle the events of a key in their order.
async fn the_order_of_a_key_is_kept_among_processes(lab: &mut Lab) -> Checked {
    needs(lab.can.ordering >= TransportOrdering::Group, "it keeps no order among processes")?;
    let other = lab.another().await?;
    let (buses, done) = ([lab.bus(), bus_over(other)], Log::default());
    for (bus, _) in &buses {
        let log = done.clone();
        let handler = move |e: Arc<Note>, _: Delivery| {
            log.add(e.number);
            async { tokio::task::yield_now().await }
        };
        let builder = bus.consumer("group").handle::<Note>(handler).key::<Note>(key).workers(4);
        started(builder.start().await)?;
    }
    let count = lab.limits.count(160, 1000);
    for first in (0..count).step_by(40) {
        let all = (first..(first + 40).min(count)).map(event);
        for note in all {
            let sent = key(&note);
            let published = buses[0].0.publish(note).key(sent).await;
            ensure(published.is_ok(), "T1", "the event is taken", published.map_err(|error| error.to_string()))?;
        }
    }
    lab.until("S9", "all events are handled", || done.len() as u64 >= count).await?;
    let done = done.take();
    ensure_eq(&(done.len() as u64), &count, "S9", "each event once")?;
    ensure_order(&done, "T4")?;
    for (bus, errors) in buses {
        lab.shut_down(bus, &errors).await?;
    }
    Ok(())
}
