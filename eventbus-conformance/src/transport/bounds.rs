//! What the capabilities say is what is seen.

use std::time::Duration;

use eventbus::{
    Overflow,
    transport::{Capabilities, GroupSpec, Refusal},
};
use tokio::time::timeout;

use crate::{
    Property,
    lab::Lab,
    messages::{notes, numbered, sorted},
    outcome::{Checked, broken, ensure, ensure_eq, needs},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(capabilities_do_not_change_and_fit_together: S30),
    property!(the_largest_batch_is_taken: S30 T2),
    property!(a_bound_holds_by_each_policy_that_is_declared: S30),
    property!(room_is_told_to_those_who_wait_for_it: S30 T1),
    property!(groups_count_what_waits_and_what_is_leased: S30),
];

/// S30: the capabilities are the same at any time, and one does not promise what another denies.
async fn capabilities_do_not_change_and_fit_together(lab: &mut Lab) -> Checked {
    let mut all = vec![lab.transport().capabilities()];
    let reader = lab.group("group").await?;
    lab.publish(&notes(0..1)).await?;
    all.push(lab.transport().capabilities());
    reader.close().await?;
    if lab.can.durability > eventbus::transport::Durability::Process {
        lab.reopen().await?;
        all.push(lab.transport().capabilities());
    }
    let can = lab.can;
    ensure(all.iter().all(|one| *one == can), "S30", "constant capabilities", &all)?;
    let Capabilities { max_batch, max_payload, lease, needs_codec, durability, .. } = can;
    ensure(max_batch > 0, "S30", "`max_batch` above 0", max_batch)?;
    ensure(max_payload != Some(0), "S30", "`max_payload` above 0", max_payload)?;
    ensure(lease.is_none_or(|lease| !lease.is_zero()), "S30", "leases that last for a while", lease)?;
    let is_outside = durability > eventbus::transport::Durability::Process;
    ensure(needs_codec || !is_outside, "S30", "what outlives the process `needs_codec`", (needs_codec, durability))?;
    let has_bound = can.bounds_events || can.bounds_bytes || can.bounds_keys;
    ensure(has_bound != can.overflow.is_empty(), "S30", "policies where there are bounds, and only there", can.overflow)
}

/// S30, T2: a batch of `max_batch` messages is taken as one.
async fn the_largest_batch_is_taken(lab: &mut Lab) -> Checked {
    let count = u64::try_from(lab.can.max_batch).unwrap_or(u64::MAX).min(2000);
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..count)).await?;
    let handled = sorted(reader.handle(lab.can.max_batch.min(2000), "T1").await?);
    ensure_eq(&handled, &(0..count).collect(), "T1", "the batch")?;
    reader.close().await
}

/// S30: a group with a bound keeps it by each of the policies that the transport declares.
async fn a_bound_holds_by_each_policy_that_is_declared(lab: &mut Lab) -> Checked {
    needs(lab.can.bounds_events, "its groups have no bound")?;
    let batch = |name: &'static str| (0..5).map(move |at| numbered(name, at, &[])).collect::<Vec<_>>();
    for (policy, name) in [
        (Overflow::Wait, "conformance.waits"),
        (Overflow::Fail, "conformance.fails"),
        (Overflow::DropOldest, "conformance.drops.oldest"),
        (Overflow::DropNewest, "conformance.drops.newest"),
    ] {
        if !lab.can.overflow.contains(&policy) {
            continue;
        }
        let mut reader = lab.subscribe(bounded(name, policy)).await?;
        let answers = lab.answers_of(&batch(name)).await?;
        let taken = answers.iter().filter(|answer| answer.is_ok()).count();
        let (drops, expected) = match policy {
            Overflow::Wait | Overflow::Fail => {
                let waits = policy == Overflow::Wait;
                let is_full = |answer: &Result<(), Refusal>| {
                    answer.is_ok() || matches!(answer, Err(Refusal::Full { wait, .. }) if *wait == waits)
                };
                let is_right = taken == 3 && answers.iter().all(is_full);
                ensure(is_right, "S30", format!("{policy:?}: 3 are taken, 2 are `Full`"), answers)?;
                (0, vec![0, 1, 2])
            }
            Overflow::DropOldest => (2, vec![2, 3, 4]),
            _ => (2, vec![0, 1, 2]),
        };
        let dropped = lab.state(name).await?.dropped;
        ensure_eq(&dropped, &drops, "S30", &format!("{policy:?}: how many the group has dropped"))?;
        let came = sorted(reader.handle(3, "S30").await?);
        ensure_eq(&came, &expected, "S30", &format!("{policy:?}: what is left"))?;
        reader.nothing("S30", "the bound is 3").await?;
        reader.close().await?;
    }
    Ok(())
}

fn bounded(name: &str, policy: Overflow) -> GroupSpec {
    let mut spec = GroupSpec::new(name);
    (spec.max_events, spec.overflow) = (Some(3), Some(policy));
    spec.wants.all = false;
    spec.wants.types.push((name.into(), 1));
    spec
}

/// S30, T1: `ready` ends once a full group has room, and what is tried again then is taken.
async fn room_is_told_to_those_who_wait_for_it(lab: &mut Lab) -> Checked {
    let can = lab.can.bounds_events && lab.can.overflow.contains(&Overflow::Wait);
    needs(can, "its groups have no bound at which publishers wait")?;
    let name = "conformance.waits";
    let mut reader = lab.subscribe(bounded(name, Overflow::Wait)).await?;
    lab.publish(&(0..3).map(|at| numbered(name, at, &[])).collect::<Vec<_>>()).await?;
    let transport = lab.transport();
    let (publisher, patience) = (lab.transport(), lab.limits.patience);
    let (found_full, is_full) = tokio::sync::oneshot::channel();
    let waiting = tokio::spawn(async move {
        let (batch, mut found_full) = ([numbered(name, 3, &[])], Some(found_full));
        loop {
            let answer = publisher.publish(&batch).await.pop();
            if !matches!(answer, Some(Err(Refusal::Full { .. }))) {
                return answer;
            }
            if let Some(tell) = found_full.take() {
                let _ = tell.send(());
            }
            publisher.ready().await;
            // It may wake too often, and must not spin then.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let was_full = timeout(patience, is_full).await;
    ensure(matches!(was_full, Ok(Ok(()))), "S30", "a message that finds no room is refused as full", was_full)?;
    ensure_eq(&reader.handle(3, "T1").await?.len(), &3, "T1", "what was taken before")?;
    let answer = timeout(patience, waiting).await;
    let is_taken = matches!(answer, Ok(Ok(Some(Ok(())))));
    ensure(is_taken, "S30", "the message that found no room is taken once there is some", answer)?;
    drop(transport);
    ensure_eq(&reader.handle(1, "T1").await?, &vec![3], "T1", "the message that waited")?;
    reader.close().await
}

/// S30: where the transport counts what waits in a group and what is leased, it counts right.
async fn groups_count_what_waits_and_what_is_leased(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..5)).await?;
    let leased = reader.take(2, "T1").await?;
    let state = lab.state("group").await?;
    let Some(depth) = state.depth else { return needs(false, "it does not count what waits") };
    // What a source has read ahead (M11) may count as either.
    let ahead = 3_u64.saturating_sub(depth);
    let is_right = state.leased.is_none_or(|leased| leased == 2 + ahead) && depth <= 3;
    ensure(is_right, "S30", "5 messages, of which 2 are leased", &state)?;
    reader.settle(leased, &eventbus::transport::Settlement::Done).await?;
    reader.handle(3, "T1").await?;
    let state = lab.state("group").await?;
    let is_empty = state.depth == Some(0) && state.leased.is_none_or(|leased| leased == 0);
    if !is_empty {
        return Err(broken("S30", "nothing waits, nothing is leased", state));
    }
    reader.close().await
}
