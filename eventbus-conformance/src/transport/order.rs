//! Order and time.

use std::time::{Duration, SystemTime};

use eventbus::transport::Settlement;

use crate::{
    Property,
    lab::Lab,
    messages::{NOTE, note, numbered, numbers},
    outcome::{Checked, ensure, ensure_eq, needs},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(order_is_kept_within_batches_and_between_them: T4 S9),
    property!(a_message_is_not_handed_out_before_its_time: T7 S21),
];

/// A clock may be read late by so much.
const TOLERANCE: Duration = Duration::from_millis(5);

/// T4, S9: messages of one key come in the order of their batch, and batches in the order in which they were awaited; or first polled,
/// where two may be under way.
async fn order_is_kept_within_batches_and_between_them(lab: &mut Lab) -> Checked {
    lab.needs_order()?;
    let mut reader = lab.group("group").await?;
    let count = lab.limits.count(120, 1000);
    let all: Vec<_> = (0..count).map(|at| numbered(NOTE, at, &[("partitionkey", "key")])).collect();
    let mut rest = &all[..];
    for size in [1, 7, 2, 30].into_iter().cycle() {
        let (batch, behind) = rest.split_at(rest.len().min(size));
        let (beside, behind) = behind.split_at(if lab.can.max_under_way > 1 { behind.len().min(size) } else { 0 });
        if batch.is_empty() {
            break;
        }
        let (one, other) = tokio::join!(biased; lab.publish(batch), lab.publish(beside));
        one.and(other)?;
        rest = behind;
    }
    let came = reader.handle(all.len(), "T1").await?;
    ensure_eq(&came, &(0..count).collect(), "T4", "the order of publishing")?;
    reader.close().await
}

/// T7, S21: what is delayed comes when its time has come, and not before; what is not delayed does not wait for it.
async fn a_message_is_not_handed_out_before_its_time(lab: &mut Lab) -> Checked {
    let Some(late) = lab.can.delay else { return needs(false, "it keeps no delays") };
    let mut reader = lab.group("group").await?;
    let mut delay = Duration::from_millis(150);
    let at = loop {
        let at = SystemTime::now() + delay;
        lab.publish(&[note(0).with_not_before(at), note(1)]).await?;
        let first = reader.handle(1, "T7").await?;
        if first == [1] {
            break at;
        }
        // On a machine that was held up for so long both could be handed out.
        ensure(SystemTime::now() >= at, "T7", "what is not delayed comes first", first)?;
        reader.handle(1, "T7").await?;
        delay *= 2;
    };
    let wait = delay + late + lab.limits.patience;
    let leased = reader.take_within(1, wait, "T7").await?;
    let now = SystemTime::now();
    ensure_eq(&numbers(&leased), &vec![0], "T7", "what was delayed")?;
    let early = at.duration_since(now + TOLERANCE).unwrap_or_default();
    ensure(early.is_zero(), "T7", "not before its time", format!("{early:?} too early"))?;
    ensure_eq(&leased[0].message().not_before().is_some(), &true, "T7", "it still says when it was due")?;
    reader.settle(leased, &Settlement::Done).await?;
    reader.close().await
}
