//! Consumers and buses that end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventbus::{
    Consumer, Delivery,
    transport::{Message, Operation},
};

use super::{Errors, Log, consuming::started};
use crate::{
    Property,
    lab::Lab,
    messages::{Note, number, sorted},
    outcome::{Checked, ensure, ensure_eq},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(a_handler_is_told_when_it_is_to_end: T20 S12),
    property!(a_stopped_consumer_leaves_the_rest_to_the_next: T22 S13 S26),
    property!(a_shutdown_with_a_handler_that_hangs_ends_in_time: T33 S26 S12),
    property!(the_next_process_handles_what_the_last_one_has_left: T1 T22 S6 S26),
];

/// More than a deadline takes on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// Stops a consumer whose handlers do not end by themselves. The transport has a tenth of a second then to take back what is left.
/// A busy machine may make it slower: that is told, and what is left comes again when its lease has run out.
async fn stop_soon(consumer: &Consumer, limit: Duration, errors: &Errors) {
    consumer.stop(limit).await;
    errors.all().retain(|(operation, text)| *operation != Operation::Settle || !text.contains("no answer in time"));
}

/// T20, S12: a handler that waits for its delivery's cancellation is told when its consumer's time is up, and not before.
async fn a_handler_is_told_when_it_is_to_end(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let told = Log::default();
    let log = told.clone();
    let handler = move |_: Arc<Note>, delivery: Delivery| {
        log.add(("begins", delivery.is_cancelled()));
        let log = log.clone();
        let ends = delivery.cancelled();
        tokio::spawn(async move {
            ends.await;
            log.add(("ends", true));
        });
        std::future::pending::<()>()
    };
    let consumer = started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    lab.publish_notes(&bus, 0..1).await?;
    lab.until("S12", "the handler begins", || told.len() == 1).await?;
    ensure_eq(&*told.all(), &vec![("begins", false)], "S12", "it is not told before")?;
    stop_soon(&consumer, Duration::from_millis(5), &errors).await;
    lab.until("S12", "the handler is told", || told.len() == 2).await?;
    ensure_eq(&told.all()[1], &("ends", true), "S12", "it is told")?;
    // Its event goes back, and the next consumer handles it.
    let done = Log::default();
    let log = done.clone();
    let handler = move |e: Arc<Note>, _: Delivery| {
        log.add(e.number);
        async {}
    };
    started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    lab.until("T22", "the next consumer handles the event", || done.len() == 1).await?;
    lab.drained(&bus, "T22").await?;
    lab.shut_down(bus, &errors).await
}

/// T22, S13, S26: a consumer that stops gives back what it holds, with no attempt counted, and the next one handles it all.
async fn a_stopped_consumer_leaves_the_rest_to_the_next(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let done = Log::default();
    let log = done.clone();
    let handler = move |e: Arc<Note>, delivery: Delivery| {
        let log = log.clone();
        async move {
            if e.number >= 10 {
                std::future::pending::<()>().await;
            }
            log.add((e.number, delivery.attempt()));
        }
    };
    let first = started(bus.consumer("group").handle::<Note>(handler).workers(3).start().await)?;
    lab.publish_notes(&bus, 0..30).await?;
    lab.until("T10", "the first ten are handled", || done.len() == 10).await?;
    let began = Instant::now();
    stop_soon(&first, Duration::from_millis(20), &errors).await;
    let took = began.elapsed();
    ensure(took < SLACK, "S26", format!("a stop within its deadline and {SLACK:?}"), took)?;
    let log = done.clone();
    let handler = move |e: Arc<Note>, delivery: Delivery| {
        log.add((e.number, delivery.attempt()));
        async {}
    };
    started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    lab.drained(&bus, "T22").await?;
    let mut seen = done.take();
    seen.sort_unstable();
    ensure_eq(&seen, &(0..30).map(|number| (number, 1)).collect(), "T22", "each event once, at its first attempt")?;
    lab.shut_down(bus, &errors).await
}

/// T33, S26, S12: a shutdown with a handler that never ends takes no longer than its deadline, and loses nothing: what was not handled
/// is in its report, or with the transport.
async fn a_shutdown_with_a_handler_that_hangs_ends_in_time(lab: &mut Lab) -> Checked {
    let (bus, errors) = lab.bus();
    let done = Log::default();
    let log = done.clone();
    let handler = move |e: Arc<Note>, _: Delivery| {
        let log = log.clone();
        async move {
            if e.number >= 5 {
                std::future::pending::<()>().await;
            }
            log.add(e.number);
        }
    };
    started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    lab.publish_notes(&bus, 0..20).await?;
    lab.until("T10", "the first five are handled", || done.len() == 5).await?;
    let (began, deadline) = (Instant::now(), lab.limits.quiet * 10);
    let report = bus.shutdown(deadline).await;
    let took = began.elapsed();
    ensure(took < deadline + SLACK, "S26", format!("an end within {deadline:?} and {SLACK:?}"), took)?;
    // The handler has had all the time: a transport that is slow to close has none left.
    let mut told = errors.take();
    told.retain(|(operation, _)| *operation != Operation::Close);
    ensure(told.is_empty(), "T33", "no error of the transport", told)?;
    let mut all = done.take();
    all.extend(report.returned().iter().map(|returned| number_of(&returned.message)));
    // A handler that was not stopped in time is named, and what it has stays in flight.
    let running = report.still_running().count();
    drop((report, bus));
    if lab.needs_durability().is_ok() {
        lab.reopen().await?;
        let mut next = lab.group("group").await?;
        all.extend(next.handle(20 - all.len(), "T22").await?);
        next.close().await?;
    }
    if running > 0 && all.len() == 20 - running {
        return Ok(());
    }
    ensure_eq(&sorted(all), &(0..20).collect(), "S26", "what was handled, and what is left")
}

/// The number of a message that carries bytes, or the event itself.
fn number_of(message: &Message) -> u64 {
    message.downcast_ref::<Note>().map_or_else(|| number(message), |note| note.number)
}

/// T1, T22, S6, S26: over five processes, each of which ends in the middle, every event is handled.
async fn the_next_process_handles_what_the_last_one_has_left(lab: &mut Lab) -> Checked {
    lab.needs_durability()?;
    let count = lab.limits.count(100, 5000);
    let done = Log::default();
    for process in 0..5 {
        let (bus, errors) = lab.bus();
        let (log, is_last) = (done.clone(), process == 4);
        let enough = usize::try_from(count / 5 * (process + 1)).unwrap_or_default();
        let handler = move |e: Arc<Note>, _: Delivery| {
            let log = log.clone();
            async move {
                if !is_last && log.len() >= enough {
                    std::future::pending::<()>().await;
                }
                log.add(e.number);
            }
        };
        let consumer = started(bus.consumer("group").handle::<Note>(handler).start().await)?;
        if process < 2 {
            lab.publish_notes(&bus, process * (count / 2)..(process + 1) * (count / 2)).await?;
        }
        if is_last {
            lab.drained(&bus, "S6").await?;
        } else {
            let enough = enough.min(usize::try_from(count / 2 * (process + 1)).unwrap_or_default());
            lab.until_counted("S6", "a part is handled", enough, || done.len()).await?;
        }
        stop_soon(&consumer, Duration::from_millis(20), &errors).await;
        bus.shutdown(lab.limits.patience).await;
        let told = errors.take();
        ensure(told.is_empty(), "T33", "no error of the transport", told)?;
        drop((bus, consumer));
        lab.reopen().await?;
    }
    ensure_eq(&sorted(done.take()), &(0..count).collect(), "S6", "each event once, over five processes")
}
