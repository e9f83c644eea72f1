//! Leases that a long handler needs, and storages in trouble.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use eventbus::{Bus, Delivery, PublishError, transport::Operation};
use tokio::time::Instant;

use super::{Log, consuming::started, noting};
use crate::{
    Property, Trouble,
    lab::Lab,
    messages::{Note, event, sorted},
    outcome::{Checked, broken, ensure, ensure_eq},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(a_handler_of_three_leases_runs_once: T10 S17),
    property!(a_restart_loses_nothing_that_was_taken: T1 T3 M10 S15),
    property!(a_line_that_is_cut_and_mended_is_read_on: M10 T1),
    property!(a_group_that_has_vanished_is_made_again_and_told_once: T17 S23),
];

/// T10, S17: the bus extends the lease of a handler that takes three times as long: it runs once, though another consumer waits.
async fn a_handler_of_three_leases_runs_once(lab: &mut Lab) -> Checked {
    let lease = lab.needs_lease()?;
    let (bus, errors) = lab.bus();
    let runs = Log::default();
    let log = runs.clone();
    let handler = move |e: Arc<Note>, _: Delivery| {
        log.add(e.number);
        async move { tokio::time::sleep(lease * 3).await }
    };
    started(bus.consumer("group").handle::<Note>(handler).workers(2).start().await)?;
    let mut other = lab.group("group").await?;
    lab.publish_notes(&bus, 0..1).await?;
    let began = Instant::now();
    let mut stolen = Vec::new();
    // The second source may be the first to get it: then it gives it back, and the handler runs.
    while began.elapsed() < lease * 4 {
        if let crate::reader::ReadStep::Got(leased) = other.step(1, lease / 4).await? {
            stolen.push(runs.len());
            other.settle(leased, &eventbus::transport::Settlement::Release).await?;
        }
    }
    other.close().await?;
    ensure(stolen.iter().all(|runs| *runs == 0), "S17", "nobody gets what a handler works at", stolen)?;
    lab.drained(&bus, "S17").await?;
    ensure_eq(&runs.take(), &vec![0], "S17", "one run")?;
    lab.shut_down(bus, &errors).await
}

/// Publishes a note until it is taken. One that may be there is published again with its id.
async fn insist(lab: &Lab, bus: &Bus, number: u64) -> Checked {
    let (began, id) = (Instant::now(), eventbus::transport::MessageId::new());
    loop {
        match bus.publish(event(number)).id(id).timeout(lab.limits.patience).await {
            Ok(()) => return Ok(()),
            Err(error @ (PublishError::Failed { .. } | PublishError::Unknown { .. } | PublishError::Full(_))) => {
                let is_late = began.elapsed() > lab.limits.patience * 2;
                ensure(!is_late, "M10", "publishing that goes on after the trouble", error.to_string())?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => return Err(broken("T3", "`Failed` or `Unknown`, which may pass", error.to_string())),
        }
    }
}

/// T1, T3, M10, S15: the server restarts after a third and after half of what is published; all of it is handled.
async fn a_restart_loses_nothing_that_was_taken(lab: &mut Lab) -> Checked {
    lab.trouble(Trouble::Restart).await?;
    let (bus, _errors) = lab.bus();
    let done = noting(&bus).await?;
    let count = lab.limits.count(90, 10_000);
    for number in 0..count {
        if number == count / 3 || number == count / 2 {
            lab.trouble(Trouble::Restart).await?;
        }
        insist(lab, &bus, number).await?;
    }
    let wait = lab.limits.patience + lab.can.lease.unwrap_or_default();
    let (mut came, mut since) = (BTreeSet::new(), Instant::now());
    while (came.len() as u64) < count {
        let before = came.len();
        // Taken, not copied: handlers wait for the log meanwhile.
        came.extend(done.take());
        if came.len() > before {
            since = Instant::now();
        }
        ensure(since.elapsed() < wait, "T1", format!("all {count} events, at least once"), came.len())?;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    bus.shutdown(lab.limits.patience).await;
    Ok(())
}

/// M10, T1: while the line is cut, errors of `next` are temporary; once it is mended, what was published is handled.
async fn a_line_that_is_cut_and_mended_is_read_on(lab: &mut Lab) -> Checked {
    lab.trouble(Trouble::Mend).await?;
    let (bus, errors) = lab.bus();
    let done = noting(&bus).await?;
    insist(lab, &bus, 0).await?;
    lab.until("T1", "the first event is handled", || !done.all().is_empty()).await?;
    for number in 1..4 {
        lab.trouble(Trouble::Cut).await?;
        let meanwhile = bus.publish(event(100 + number)).timeout(lab.limits.quiet).await;
        let is_there = meanwhile.is_ok();
        // Until the reader has seen it, unless it sees nothing but silence.
        lab.for_a_while(|| errors.all().iter().any(|(operation, _)| *operation == Operation::Read)).await;
        errors.take();
        lab.trouble(Trouble::Mend).await?;
        insist(lab, &bus, number).await?;
        let comes = || {
            let all = done.all();
            all.contains(&number) && (!is_there || all.contains(&(100 + number)))
        };
        let wait = lab.limits.patience + lab.can.lease.unwrap_or_default();
        let began = Instant::now();
        while !comes() {
            ensure(began.elapsed() < wait, "M10", "reading that goes on", sorted(done.all().clone()))?;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    bus.shutdown(lab.limits.patience).await;
    Ok(())
}

/// T17, S23: a group that has vanished is made again from where it had started, so that what it had not handled comes; and is told of by
/// one error.
async fn a_group_that_has_vanished_is_made_again_and_told_once(lab: &mut Lab) -> Checked {
    lab.group("another").await?.close().await?;
    lab.trouble(Trouble::LoseGroup("another")).await?;
    let (bus, errors) = lab.bus();
    let done = Log::default();
    let log = done.clone();
    let handler = move |e: Arc<Note>, _: Delivery| {
        log.add(e.number);
        async {}
    };
    let consumer = started(bus.consumer("group").handle::<Note>(handler).start().await)?;
    insist(lab, &bus, 0).await?;
    lab.until("T1", "the first event is handled", || done.len() == 1).await?;
    lab.drained(&bus, "T1").await?;
    consumer.pause();
    for number in 1..4 {
        insist(lab, &bus, number).await?;
    }
    lab.trouble(Trouble::LoseGroup("group")).await?;
    consumer.resume();
    lab.until("T17", "an error that says so", || errors.len() > 0).await?;
    for number in 4..7 {
        insist(lab, &bus, number).await?;
    }
    let comes = || (1..7).all(|number| done.all().contains(&number));
    lab.until("T17", "what the group had not handled, and what is published from then on", comes).await?;
    // What had been leased from it is lost, and that may be told, too.
    let told = errors.take();
    let of_group = told.iter().filter(|(operation, _)| matches!(operation, Operation::Read | Operation::Background));
    ensure(of_group.count() == 1, "T17", "one error", told)?;
    bus.shutdown(lab.limits.patience).await;
    Ok(())
}
