//! What a source hands out.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use eventbus::transport::{LeaseId, Read, Settlement};

use crate::{
    Property, Trouble,
    lab::Lab,
    messages::{note, notes, numbers, sorted},
    outcome::{Checked, broken, ensure, ensure_eq},
    property::property,
    reader::{ReadStep, TestReader},
};

pub(crate) const ALL: &[Property] = &[
    property!(a_message_is_leased_to_one_source_at_a_time: T10 S31 S2),
    property!(leases_of_a_source_have_names_of_their_own: T20 S31),
    property!(a_source_hands_out_no_more_than_max: T13),
    property!(an_empty_group_is_no_closed_group: T12),
    property!(what_is_no_message_does_not_stop_the_rest: T14 S20),
    property!(a_dropped_next_loses_nothing: T16),
    property!(many_publishers_and_many_readers_lose_nothing: T1 T10 S2 S10),
];

/// Reads by turns from all until `count` are leased, and settles none.
pub(super) async fn take_from_all(
    readers: &mut [TestReader],
    count: usize,
    lab: &Lab,
) -> Checked<Vec<Vec<eventbus::transport::Leased>>> {
    let mut taken: Vec<Vec<_>> = readers.iter().map(|_| Vec::new()).collect();
    let began = Instant::now();
    while taken.iter().map(Vec::len).sum::<usize>() < count {
        let came: Vec<_> = taken.iter().map(|leased| numbers(leased)).collect();
        ensure(
            began.elapsed() < lab.limits.patience,
            "T1",
            format!("{count} messages for all sources together"),
            came,
        )?;
        for (reader, taken) in readers.iter_mut().zip(&mut taken) {
            if let ReadStep::Got(leased) = reader.step(7, Duration::from_millis(2)).await? {
                taken.extend(leased);
            }
        }
    }
    Ok(taken)
}

/// T10, S2, S31: what one source of a group has leased, no other source gets, also none of another process.
async fn a_message_is_leased_to_one_source_at_a_time(lab: &mut Lab) -> Checked {
    let mut readers = Vec::new();
    let processes = lab.processes().await?;
    for process in processes.iter().chain(&processes) {
        readers.push(lab.subscribe_at(process, eventbus::transport::GroupSpec::new("group")).await?);
    }
    lab.publish(&notes(0..100)).await?;
    // All of it, before the first lease runs out.
    let taken = take_from_all(&mut readers, 100, lab).await?;
    let all = sorted(taken.iter().flat_map(|leased| numbers(leased)).collect());
    ensure_eq(&all, &(0..100).collect(), "T10", "each message, leased once")?;
    for (reader, leased) in readers.iter().zip(taken) {
        reader.settle(leased, &Settlement::Done).await?;
    }
    for reader in &mut readers {
        reader.nothing("T21", "all is done").await?;
    }
    for reader in readers {
        reader.close().await?;
    }
    for other in &processes[1..] {
        let _ = other.close(lab.limits.patience).await;
    }
    Ok(())
}

/// T20, S31: among the leases of a source that are not settled no two have the same identifier, unless leases have none.
async fn leases_of_a_source_have_names_of_their_own(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..20)).await?;
    let leased = reader.take(20, "T1").await?;
    let named: Vec<_> =
        leased.iter().map(eventbus::transport::Leased::lease).filter(|lease| **lease != LeaseId::NONE).collect();
    let different: BTreeSet<_> = named.iter().copied().collect();
    ensure(named.len() == different.len(), "T20", "leases with different identifiers", &named)?;
    let is_named = lab.can.lease.is_none() || named.len() == leased.len();
    ensure(is_named, "T20", "leases that can run out have identifiers", &named)?;
    reader.settle(leased, &Settlement::Done).await?;
    reader.close().await
}

/// T13: whatever waits, a source hands out no more than it is asked for, by `next` and by `try_next`.
async fn a_source_hands_out_no_more_than_max(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..30)).await?;
    let mut handled = 0;
    for max in [1, 2, 5] {
        // The reader looks at how many came.
        let leased = reader.take(max, "T1").await?;
        handled += leased.len();
        reader.settle(leased, &Settlement::Done).await?;
    }
    for max in [0, 1, 3] {
        let mut into = Vec::new();
        let read = reader.source.try_next(max, &mut into);
        ensure(into.len() <= max, "T13", format!("at most {max} messages of `try_next`"), into.len())?;
        ensure(read != Some(Read::Closed), "T12", "a source that nobody has closed", read)?;
        handled += into.len();
        reader.settle(into, &Settlement::Done).await?;
    }
    reader.handle(30 - handled, "T1").await?;
    reader.close().await
}

/// T12: where nothing is to be read, a source waits, or brings an empty batch; it does not say that it is closed.
async fn an_empty_group_is_no_closed_group(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    let mut into = Vec::new();
    let read = reader.source.try_next(5, &mut into);
    ensure(matches!(read, None | Some(Read::Batch)), "T12", "no `Closed`", read)?;
    ensure(into.is_empty(), "T12", "nothing, since nothing was published", numbers(&into))?;
    let began = Instant::now();
    while let Some(left) = lab.limits.quiet.checked_sub(began.elapsed()) {
        match reader.step(5, left).await? {
            ReadStep::Got(leased) => ensure(leased.is_empty(), "T12", "nothing", numbers(&leased))?,
            ReadStep::Nothing => {}
            closed => return Err(broken("T12", "a source that waits", closed)),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    lab.publish(&[note(0)]).await?;
    ensure_eq(&reader.handle(1, "T12").await?, &vec![0], "T12", "what is published at last")?;
    reader.close().await
}

/// T14, S20: bytes that are no message are leased as malformed, with what stands there, and the messages behind them come.
async fn what_is_no_message_does_not_stop_the_rest(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.trouble(Trouble::Write(b"no message")).await?;
    lab.publish(&notes(0..3)).await?;
    let leased = reader.take(4, "T14").await?;
    let (malformed, others): (Vec<_>, Vec<_>) = leased.into_iter().partition(|leased| leased.message().is_malformed());
    ensure_eq(&sorted(numbers(&others)), &vec![0, 1, 2], "T14", "the messages behind it")?;
    let [one] = &malformed[..] else { return Err(broken("T14", "one malformed message", malformed.len())) };
    let reason = one.message().malformed_reason().unwrap_or_default();
    ensure(!reason.is_empty(), "T14", "a reason why it cannot be read", reason)?;
    let reason = "cannot be read".into();
    let end = if lab.can.dead_letters { Settlement::Dead { reason } } else { Settlement::Done };
    reader.settle(malformed, &end).await?;
    reader.settle(others, &Settlement::Done).await?;
    reader.nothing("T21", "it has ended, too").await?;
    reader.close().await
}

/// T16: whenever a `next` is dropped, its messages are in `into`, or are read again.
async fn a_dropped_next_loses_nothing(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    let mut seen = BTreeSet::new();
    let count = lab.limits.count(60, 1000);
    for at in 0..count {
        let transport = lab.transport();
        let publishing = tokio::spawn(async move { transport.publish(&[note(at)]).await.pop() });
        let mut into = Vec::new();
        {
            let next = reader.source.next(3, &mut into);
            let a_while = async {
                for _ in 0..at % 5 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                _ = next => {}
                () = a_while => {}
            }
        }
        let answer = lab.answers("T2", "publish", publishing).await?;
        ensure(matches!(answer, Ok(Some(Ok(())))), "T1", "the message is taken", answer)?;
        seen.extend(numbers(&into));
        reader.settle(into, &Settlement::Done).await?;
    }
    let left = usize::try_from(count).unwrap_or_default() - seen.len();
    let wait = lab.can.lease.unwrap_or_default() + lab.limits.patience;
    let leased = reader.take_within(left, wait, "T16").await?;
    seen.extend(numbers(&leased));
    ensure_eq(&seen, &(0..count).collect(), "T16", "what was published while a `next` was dropped")?;
    reader.settle(leased, &Settlement::Done).await?;
    reader.close().await
}

/// T1, T10, S2, S10: many publishers at once, whose handles then close, and many readers of one group: all messages come, each once.
async fn many_publishers_and_many_readers_lose_nothing(lab: &mut Lab) -> Checked {
    let (publishers, readers) = (lab.limits.count(8, 50), lab.limits.count(8, 50));
    let each = lab.limits.count(25, 200);
    let mut sources = Vec::new();
    for _ in 0..readers {
        sources.push(lab.group("group").await?);
    }
    let mut publishing = tokio::task::JoinSet::new();
    for at in 0..publishers {
        let (transport, all) = (lab.transport(), notes(at * each..(at + 1) * each));
        let max = lab.can.max_batch.clamp(1, 10);
        publishing.spawn(async move {
            let mut answers = Vec::new();
            for batch in all.chunks(max) {
                answers.extend(transport.publish(batch).await);
            }
            answers
        });
    }
    let total = usize::try_from(publishers * each).unwrap_or(usize::MAX);
    let mut seen = Vec::new();
    let mut last = Instant::now();
    while seen.len() < total {
        ensure(last.elapsed() < lab.limits.patience, "T1", format!("{total} messages"), seen.len())?;
        for reader in &mut sources {
            if let ReadStep::Got(leased) = reader.step(16, Duration::from_millis(1)).await? {
                if !leased.is_empty() {
                    last = Instant::now();
                }
                seen.extend(numbers(&leased));
                reader.settle(leased, &Settlement::Done).await?;
            }
        }
    }
    let answers: Vec<_> = publishing.join_all().await.into_iter().flatten().collect();
    ensure(answers.iter().all(Result::is_ok), "T1", "each message is taken", answers.len())?;
    ensure_eq(&sorted(seen), &(0..publishers * each).collect(), "T10", "each message once")?;
    for reader in sources {
        reader.close().await?;
    }
    Ok(())
}
