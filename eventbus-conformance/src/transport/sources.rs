//! Sources that are opened and closed.

use std::time::Duration;

use eventbus::transport::{GroupSpec, Settlement};
use tokio::task::JoinSet;

use crate::{
    Property,
    lab::Lab,
    messages::{notes, numbers, sorted},
    outcome::{Checked, broken, ensure, ensure_eq},
    property::property,
    reader::{ReadStep, TestReader},
};

pub(crate) const ALL: &[Property] = &[
    property!(a_closed_source_says_so_again_and_again: T12 T33 S1 S13),
    property!(close_ends_a_next_that_waits: T12 S13),
    property!(settling_goes_on_after_close: T20 M11),
    property!(what_a_closed_source_has_read_ahead_goes_to_others: M11 T10 S13 S26),
    property!(reading_goes_on_over_sources_that_are_opened_again: T10 S6),
    property!(sources_that_open_and_close_at_once_lose_nothing: T10 S7),
];

/// T12, T33, S1, S13: a source that was closed, also twice, answers `Closed` to every read, though messages wait.
async fn a_closed_source_says_so_again_and_again(lab: &mut Lab) -> Checked {
    let reader = lab.group("group").await?;
    lab.publish(&notes(0..3)).await?;
    for _ in 0..2 {
        let closed = lab.answers("T33", "Source::close", reader.source.close()).await?;
        ensure(closed.is_ok(), "T33", "a source may be closed twice", closed)?;
    }
    let mut closed = TestReader::new(std::sync::Arc::clone(&reader.source), lab.limits);
    for _ in 0..3 {
        let step = closed.step(1, lab.limits.patience).await?;
        ensure(matches!(step, ReadStep::Closed), "T12", "`Closed`, which is final", step)?;
        let mut into = Vec::new();
        let read = closed.source.try_next(1, &mut into);
        let is_right = into.is_empty() && read != Some(eventbus::transport::Read::Batch);
        ensure(is_right, "T12", "`Closed` of `try_next`, or `None`", (read, numbers(&into)))?;
    }
    let mut next = lab.group("group").await?;
    ensure_eq(&sorted(next.handle(3, "T10").await?), &vec![0, 1, 2], "T10", "what waits for the next source")?;
    next.close().await
}

/// T12, S13: `close` ends a `next` that waits, and another source of the group goes on.
async fn close_ends_a_next_that_waits(lab: &mut Lab) -> Checked {
    let (mut first, mut second) = (lab.group("group").await?, lab.group("group").await?);
    for _ in 0..2 {
        let step = first.step(1, Duration::from_millis(1)).await?;
        ensure(matches!(&step, ReadStep::Nothing | ReadStep::Got(_)), "T12", "a source that waits", step)?;
    }
    first.close().await?;
    lab.publish(&notes(0..3)).await?;
    ensure_eq(&sorted(second.handle(3, "T10").await?), &vec![0, 1, 2], "T10", "what the other source gets")?;
    second.close().await
}

/// T20, M11: what was leased before `close` is settled after it.
async fn settling_goes_on_after_close(lab: &mut Lab) -> Checked {
    let mut first = lab.group("group").await?;
    lab.publish(&notes(0..4)).await?;
    let mut leased = first.take(4, "T1").await?;
    let source = std::sync::Arc::clone(&first.source);
    first.close().await?;
    let closed = TestReader::new(source, lab.limits);
    let back = leased.split_off(2);
    let back_numbers = sorted(numbers(&back));
    closed.settle(leased, &Settlement::Done).await?;
    closed.settle(back, &Settlement::Release).await?;
    let mut second = lab.group("group").await?;
    let came = sorted(second.handle(2, "T22").await?);
    ensure_eq(&came, &back_numbers, "T20", "what was given back after `close`")?;
    second.nothing("T21", "the others are done").await?;
    second.close().await
}

/// M11, T10, S13, S26: what a source has read beyond `max` goes to other sources as soon as it is closed.
async fn what_a_closed_source_has_read_ahead_goes_to_others(lab: &mut Lab) -> Checked {
    let (mut first, mut second) = (lab.group("group").await?, lab.group("group").await?);
    lab.publish(&notes(0..10)).await?;
    let leased = first.take(1, "T1").await?;
    let own = numbers(&leased);
    first.settle(leased, &Settlement::Done).await?;
    first.close().await?;
    let rest = second.handle(9, "M11").await?;
    let all = own.into_iter().chain(rest).collect();
    ensure_eq(&sorted(all), &(0..10).collect(), "M11", "all messages, over both sources")?;
    second.close().await
}

/// T10, S6: a group is read in portions, each by a source of its own; nothing is lost in between, and nothing comes twice.
async fn reading_goes_on_over_sources_that_are_opened_again(lab: &mut Lab) -> Checked {
    let portion = usize::try_from(lab.limits.count(40, 1000)).unwrap_or_default();
    lab.group("group").await?.close().await?;
    let total = portion as u64 * 5;
    lab.publish(&notes(0..total / 2)).await?;
    let mut seen = Vec::new();
    for at in 0..5 {
        let mut reader = lab.group("group").await?;
        seen.extend(reader.handle(portion, "T10").await?);
        reader.close().await?;
        if at == 1 {
            lab.publish(&notes(total / 2..total)).await?;
        }
    }
    ensure_eq(&sorted(seen), &(0..total).collect(), "S6", "all messages, over five sources")
}

/// T10, S7: ten sources of a group that are opened and closed at the same time leave to the next one what waits, and what comes after.
async fn sources_that_open_and_close_at_once_lose_nothing(lab: &mut Lab) -> Checked {
    lab.group("group").await?.close().await?;
    lab.publish(&notes(0..25)).await?;
    let mut closing = JoinSet::new();
    for at in 0..10 {
        let (transport, limits) = (lab.transport(), lab.limits);
        closing.spawn(async move {
            let source = transport.subscribe(GroupSpec::new("group")).await;
            let mut reader =
                TestReader::new(source.map_err(|error| broken("T10", "a source", error.to_string()))?, limits);
            if at % 2 == 0
                && let ReadStep::Got(leased) = reader.step(1, Duration::from_millis(1)).await?
            {
                reader.settle(leased, &Settlement::Release).await?;
            }
            reader.close().await
        });
    }
    for closed in lab.answers("T33", "Source::close", closing.join_all()).await? {
        closed?;
    }
    lab.publish(&notes(25..50)).await?;
    let mut reader = lab.group("group").await?;
    ensure_eq(&sorted(reader.handle(50, "T10").await?), &(0..50).collect(), "S7", "all that was published")?;
    reader.close().await
}
