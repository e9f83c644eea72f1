//! How leases end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventbus::transport::{Leased, Settlement};

use super::reading::take_from_all;
use crate::{
    Property,
    lab::{Lab, ended},
    messages::{notes, number, numbers, sorted},
    outcome::{Checked, broken, ensure, ensure_eq, needs},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(done_is_final: T20 T21),
    property!(each_lease_of_a_batch_ends_as_it_says: T20 T21 T22),
    property!(done_is_final_for_the_next_process_too: T21 T25),
    property!(release_comes_back_at_once_with_the_same_attempts: T22 S4 S25),
    property!(what_is_given_back_comes_before_what_is_new: T15 T22),
    property!(again_comes_back_with_its_attempts: T22 S8 S18),
    property!(again_comes_back_not_before_its_time: T22 S21),
    property!(what_try_settle_is_told_is_taken_where_leases_stay: T25 T20),
    property!(a_lease_that_is_not_settled_stays_out: T25 T10),
    property!(deliveries_count_the_hand_outs: T26),
    property!(what_a_dead_process_had_comes_again: T25 T26 S25),
];

/// T20, T21: what is done does not come again, neither to its source nor to the next one.
async fn done_is_final(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..10)).await?;
    ensure_eq(&sorted(reader.handle(10, "T1").await?), &(0..10).collect(), "T10", "the messages")?;
    reader.nothing("T21", "all is done").await?;
    reader.close().await?;
    let mut next = lab.group("group").await?;
    next.nothing("T21", "all is done").await?;
    next.close().await
}

/// T20, T21, T22: in one batch, what is done goes, and what is given back comes.
async fn each_lease_of_a_batch_ends_as_it_says(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..12)).await?;
    let mut batch = reader.take(12, "T1").await?;
    let mut back = Vec::new();
    for leased in &mut batch {
        let number = number(leased.message());
        leased.settle_as(match number % 3 {
            0 => Settlement::Done,
            1 => Settlement::Again { after: Duration::ZERO },
            _ => Settlement::Release,
        });
        back.extend((!number.is_multiple_of(3)).then_some(number));
    }
    reader.settle_as_they_are(batch).await?;
    let again = sorted(reader.handle(8, "T22").await?);
    ensure_eq(&again, &sorted(back), "T21", "what was given back, and nothing else")?;
    reader.nothing("T21", "all is done").await?;
    reader.close().await
}

/// T21, T25: after an orderly end what was done does not come again in the next process, and what was not settled does.
async fn done_is_final_for_the_next_process_too(lab: &mut Lab) -> Checked {
    lab.needs_durability()?;
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..6)).await?;
    let mut leased = reader.take(6, "T1").await?;
    let back = leased.split_off(4);
    let expected = sorted(numbers(&back));
    reader.settle(leased, &Settlement::Done).await?;
    reader.settle(back, &Settlement::Release).await?;
    reader.close().await?;
    lab.reopen().await?;
    let mut next = lab.group("group").await?;
    ensure_eq(&sorted(next.handle(2, "T22").await?), &expected, "T21", "what was not done")?;
    next.nothing("T21", "the others were done").await?;
    next.close().await
}

/// T22, S4, S25: a lease that was told no end, or `Release`, comes back without a delay, and no attempt is counted.
async fn release_comes_back_at_once_with_the_same_attempts(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..4)).await?;
    let first = reader.take(4, "T1").await?;
    let told = first.into_iter().map(|leased| leased.with_attempts(3)).collect();
    reader.settle(told, &Settlement::Again { after: Duration::ZERO }).await?;
    let mut untold = reader.take(4, "T22").await?;
    let released = ended(untold.split_off(2), &Settlement::Release);
    reader.settle_as_they_are(untold).await?;
    reader.settle_as_they_are(released).await?;
    let back = reader.take(4, "T22").await?;
    let attempts: Vec<_> = back.iter().map(Leased::attempts).collect();
    ensure_eq(&attempts, &vec![3; 4], "T22", "the attempts of what was not tried")?;
    reader.settle(back, &Settlement::Done).await?;
    reader.close().await
}

/// T15, T22: a batch that is given back comes before what has not been handed out yet, in the order in which it was leased.
async fn what_is_given_back_comes_before_what_is_new(lab: &mut Lab) -> Checked {
    lab.needs_order()?;
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..3)).await?;
    let leased = reader.take(3, "T1").await?;
    lab.publish(&notes(3..6)).await?;
    reader.settle(leased, &Settlement::Release).await?;
    // One at a time: what was read ahead could lie before what comes back.
    let came = reader.handle(6, "T15").await?;
    ensure_eq(&came, &(0..6).collect(), "T15", "what came back first, in its old order")?;
    reader.close().await
}

/// T22, S8, S18: `Again` comes back with the attempts that the bus has counted, as often as it says so.
async fn again_comes_back_with_its_attempts(lab: &mut Lab) -> Checked {
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(lab.group("group").await?);
    }
    lab.publish(&notes(0..10)).await?;
    for round in 0..6_u32 {
        let taken = take_from_all(&mut readers, 10, lab).await?;
        let attempts: Vec<_> = taken.iter().flatten().map(Leased::attempts).collect();
        ensure_eq(&attempts, &vec![round * 2; 10], "T22", "the attempts that `Again` has carried")?;
        for (reader, leased) in readers.iter().zip(taken) {
            let told = leased.into_iter().map(|leased| leased.with_attempts(round * 2 + 2)).collect();
            reader.settle(told, &Settlement::Again { after: Duration::ZERO }).await?;
        }
    }
    let mut last = Vec::new();
    let taken = take_from_all(&mut readers, 10, lab).await?;
    for (reader, leased) in readers.iter().zip(taken) {
        last.extend(numbers(&leased));
        reader.settle(leased, &Settlement::Done).await?;
    }
    ensure_eq(&sorted(last), &(0..10).collect(), "T22", "all messages, at last")?;
    for mut reader in readers {
        reader.nothing("T21", "all is done").await?;
        reader.close().await?;
    }
    Ok(())
}

/// T22, S21: `Again` comes back not before its time, and what else waits does not wait for it.
async fn again_comes_back_not_before_its_time(lab: &mut Lab) -> Checked {
    const AFTER: Duration = Duration::from_millis(120);
    let Some(late) = lab.can.delay else { return needs(false, "it keeps no delays") };
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..1)).await?;
    let leased = reader.take(1, "T1").await?;
    let told = Instant::now();
    reader.settle(leased, &Settlement::Again { after: AFTER }).await?;
    lab.publish(&notes(1..2)).await?;
    ensure_eq(&reader.handle(1, "T22").await?, &vec![1], "T22", "what is not delayed")?;
    let wait = AFTER + late + lab.limits.patience;
    let back = reader.take_within(1, wait, "T22").await?;
    let waited = told.elapsed();
    ensure_eq(&numbers(&back), &vec![0], "T22", "what was given back")?;
    ensure(waited + Duration::from_millis(5) >= AFTER, "T22", format!("not before {AFTER:?}"), waited)?;
    reader.settle(back, &Settlement::Done).await?;
    reader.close().await
}

/// T25, T20: where leases do not run out, `try_settle` takes every lease at once, whatever its end.
async fn what_try_settle_is_told_is_taken_where_leases_stay(lab: &mut Lab) -> Checked {
    needs(lab.can.lease.is_none(), "its leases run out")?;
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..3)).await?;
    let mut batch = reader.take(3, "T1").await?;
    let ends = [Settlement::Done, Settlement::Again { after: Duration::ZERO }, Settlement::Release];
    for (leased, end) in batch.iter_mut().zip(ends) {
        leased.settle_as(end);
    }
    let source = Arc::clone(&reader.source);
    let is_taken = source.try_settle(&mut batch);
    ensure(is_taken, "T25", "`true`: all is settled at once", (is_taken, batch.len()))?;
    drop(batch);
    reader.handle(2, "T22").await?;
    reader.nothing("T21", "all is done").await?;
    reader.close().await
}

/// T25, T10: where leases do not run out, what is not settled goes to nobody else, also after its source was closed.
async fn a_lease_that_is_not_settled_stays_out(lab: &mut Lab) -> Checked {
    needs(lab.can.lease.is_none(), "its leases run out")?;
    let mut first = lab.group("group").await?;
    lab.publish(&notes(0..2)).await?;
    let leased = first.take(2, "T1").await?;
    let source = Arc::clone(&first.source);
    first.close().await?;
    let mut second = lab.group("group").await?;
    second.nothing("T25", "what is leased stays out until it is settled").await?;
    let closed = crate::reader::TestReader::new(source, lab.limits);
    closed.settle(leased, &Settlement::Done).await?;
    second.nothing("T21", "all is done").await?;
    second.close().await
}

/// T26: the first hand-out is number 1, and each that follows an `Again` is one more; or it is 1 for ever where nobody counts.
async fn deliveries_count_the_hand_outs(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..2)).await?;
    let mut counted = Vec::new();
    for _ in 0..4 {
        let leased = reader.take(2, "T22").await?;
        counted.push(leased.iter().map(Leased::deliveries).collect::<Vec<_>>());
        reader.settle(leased, &Settlement::Again { after: Duration::ZERO }).await?;
    }
    reader.handle(2, "T22").await?;
    let cannot_tell = counted.iter().flatten().all(|count| *count == 1);
    needs(!cannot_tell, "it does not count how often a message was handed out")?;
    let expected: Vec<_> = (1..5).map(|count| vec![count; 2]).collect();
    ensure_eq(&counted, &expected, "T26", "how often they were handed out, this time included")?;
    reader.close().await
}

/// T25, T26, S25: what a process had leased when it died comes again in the next one, and counts as a delivery and as no attempt.
async fn what_a_dead_process_had_comes_again(lab: &mut Lab) -> Checked {
    lab.needs_durability()?;
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..3)).await?;
    let leased = reader.take(3, "T1").await?;
    let attempts: Vec<_> = leased.iter().map(Leased::attempts).collect();
    drop((leased, reader));
    lab.kill().await?;
    let mut next = lab.group("group").await?;
    let wait = lab.can.lease.unwrap_or_default() + lab.limits.patience;
    let back = next.take_within(3, wait, "T25").await?;
    ensure_eq(&sorted(numbers(&back)), &vec![0, 1, 2], "T25", "what was not settled")?;
    let same: Vec<_> = back.iter().map(Leased::attempts).collect();
    ensure_eq(&same, &attempts, "T26", "no more attempts")?;
    let counted: Vec<_> = back.iter().map(Leased::deliveries).collect();
    let is_right = counted.iter().all(|count| *count == 2) || counted.iter().all(|count| *count == 1);
    if !is_right {
        return Err(broken("T26", "the second delivery of each (or 1, if nobody counts)", counted));
    }
    next.settle(back, &Settlement::Done).await?;
    next.close().await
}
