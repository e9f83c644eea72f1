//! Leases that run out.

use std::{sync::Arc, time::Instant};

use eventbus::transport::{GroupSpec, Leased, Settlement};

use crate::{
    Property,
    lab::{Lab, ended, unsettled},
    messages::{notes, number, numbers},
    outcome::{Checked, ensure, ensure_eq},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(a_lease_that_is_not_extended_runs_out: T10 T26),
    property!(a_lease_that_is_extended_does_not_run_out: T10 S17),
    property!(a_lost_lease_is_no_error_of_its_neighbours: T24 M20),
    property!(what_a_process_that_hangs_had_goes_to_another: T10 S31),
    property!(what_has_run_out_twice_is_handed_out_alone: T27),
];

/// T10, T26: what is neither settled nor extended goes to another source after the lease, and not before; that is another delivery.
async fn a_lease_that_is_not_extended_runs_out(lab: &mut Lab) -> Checked {
    let lease = lab.needs_lease()?;
    let (mut first, mut second) = (lab.group("group").await?, lab.group("group").await?);
    lab.publish(&notes(0..2)).await?;
    let began = Instant::now();
    let held = first.take(2, "T1").await?;
    let back = second.take_within(2, lease + lab.limits.patience, "T10").await?;
    let waited = began.elapsed();
    ensure(waited >= lease.mul_f64(0.9), "T10", format!("one source at a time, for a lease of {lease:?}"), waited)?;
    let counted: Vec<_> = back.iter().map(Leased::deliveries).collect();
    let is_right = counted.iter().all(|count| *count == 2) || counted.iter().all(|count| *count == 1);
    ensure(is_right, "T26", "the second delivery of each (or 1, if nobody counts)", counted)?;
    second.settle(back, &Settlement::Done).await?;
    drop(held);
    first.close().await?;
    second.nothing("T21", "all is done").await?;
    second.close().await
}

/// T10, S17: what is extended three times in a lease stays with its source, for three leases.
async fn a_lease_that_is_extended_does_not_run_out(lab: &mut Lab) -> Checked {
    let lease = lab.needs_lease()?;
    let (mut first, mut second) = (lab.group("group").await?, lab.group("group").await?);
    lab.publish(&notes(0..2)).await?;
    let held = first.take(2, "T1").await?;
    let ids: Vec<_> = held.iter().map(|leased| leased.lease().clone()).collect();
    let began = Instant::now();
    while began.elapsed() < lease * 3 {
        let lost = lab.answers("T10", "extend", first.source.extend(ids.clone())).await?;
        ensure(lost.as_ref().is_ok_and(Vec::is_empty), "T10", "no lease is lost that is extended in time", lost)?;
        // Meanwhile the other source must get nothing.
        let step = second.step(2, lease / 3).await?;
        let is_empty = !matches!(&step, crate::reader::ReadStep::Got(leased) if !leased.is_empty());
        ensure(is_empty, "T10", "one source at a time", step)?;
    }
    first.settle(held, &Settlement::Done).await?;
    second.nothing("T21", "all is done").await?;
    first.close().await?;
    second.close().await
}

/// T24, M20: a batch with a lease that had run out: the others are settled, that one is settled or returned as lost.
async fn a_lost_lease_is_no_error_of_its_neighbours(lab: &mut Lab) -> Checked {
    let lease = lab.needs_lease()?;
    let wait = lease + lab.limits.patience;
    let (mut first, mut second) = (lab.group("group").await?, lab.group("group").await?);
    lab.publish(&notes(0..1)).await?;
    let old = first.take(1, "T1").await?;
    // Now it has run out.
    let taken_over = second.take_within(1, wait, "T10").await?;
    lab.publish(&notes(1..4)).await?;
    let fresh = first.take(3, "T1").await?;
    let source = Arc::clone(&first.source);
    let batch = ended(fresh.into_iter().chain(old).collect(), &Settlement::Done);
    for one in unsettled(&source, batch, lab.limits).await? {
        ensure_eq(&number(one.leased.message()), &0, "T24", "the only lease that may be returned")?;
        ensure(one.is_lost, "T24", "it is returned as lost", &one)?;
        ensure(!one.error.to_string().is_empty(), "T32", "an error that says what was tried", &one)?;
    }
    // The other source may find its own lost: the late settlement may have settled it (M20).
    for one in unsettled(&second.source, ended(taken_over, &Settlement::Done), lab.limits).await? {
        ensure(one.is_lost, "T24", "settled, or returned as lost", &one)?;
    }
    second.nothing("T21", "all is done").await?;
    first.close().await?;
    second.close().await
}

/// T10, S31: what a process had that hangs goes to another process after the lease, and only what it had.
async fn what_a_process_that_hangs_had_goes_to_another(lab: &mut Lab) -> Checked {
    let lease = lab.needs_lease()?;
    let other = lab.another().await?;
    let mut hangs = lab.group("group").await?;
    let mut lives = lab.subscribe_at(&other, GroupSpec::new("group")).await?;
    lab.publish(&notes(0..4)).await?;
    let held = hangs.take(4, "T1").await?;
    lab.publish_at(&other, &notes(4..6)).await?;
    let own = lives.take(2, "T10").await?;
    ensure_eq(&crate::messages::sorted(numbers(&own)), &vec![4, 5], "T10", "what nobody else has")?;
    lives.settle(own, &Settlement::Done).await?;
    let back = lives.take_within(4, lease + lab.limits.patience, "T10").await?;
    ensure_eq(&crate::messages::sorted(numbers(&back)), &vec![0, 1, 2, 3], "T10", "what the other process had")?;
    lives.settle(back, &Settlement::Done).await?;
    drop(held);
    hangs.close().await?;
    lives.nothing("T21", "all is done").await?;
    lives.close().await?;
    let _ = other.close(lab.limits.patience).await;
    Ok(())
}

/// T27: of messages whose leases have run out twice a source gets one at a time, and all of them in the end; others come meanwhile.
async fn what_has_run_out_twice_is_handed_out_alone(lab: &mut Lab) -> Checked {
    let lease = lab.needs_lease()?;
    let wait = lease + lab.limits.patience;
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..4)).await?;
    for _ in 0..2 {
        // Nobody ends them.
        reader.take_within(4, wait, "T10").await?;
    }
    let mut suspects = Vec::new();
    while suspects.len() < 4 {
        let suspect = reader.take_within(1, wait, "T27").await?;
        if suspects.is_empty() {
            lab.publish(&notes(4..5)).await?;
            ensure_eq(&reader.handle(1, "T27").await?, &vec![4], "T27", "what is not suspected, and goes on")?;
        }
        let ids = suspect.iter().map(|leased| leased.lease().clone()).collect();
        let lost = lab.answers("T10", "extend", reader.source.extend(ids)).await?;
        ensure(lost.as_ref().is_ok_and(Vec::is_empty), "T10", "a lease of its own", lost)?;
        reader.nothing("T27", "one whose lease has run out twice is out").await?;
        suspects.extend(numbers(&suspect));
        reader.settle(suspect, &Settlement::Done).await?;
    }
    ensure_eq(&crate::messages::sorted(suspects), &vec![0, 1, 2, 3], "T27", "each of them in the end")?;
    reader.nothing("T21", "all is done").await?;
    reader.close().await
}
