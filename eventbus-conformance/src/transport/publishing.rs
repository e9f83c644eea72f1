//! Publishing: messages that a transport takes are delivered, and messages that it refuses are not.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use eventbus::{
    Overflow,
    transport::{GroupSpec, Message, Refusal, Start},
};

use crate::{
    Property, Trouble,
    lab::Lab,
    messages::{NOTE, OTHER, message, note, notes, number, numbered, numbers, sorted},
    outcome::{Checked, broken, ensure, ensure_eq, needs},
    property::property,
    reader::ReadStep,
};

pub(crate) const ALL: &[Property] = &[
    property!(ok_reaches_every_group_that_wants_it: T1 T6 T10 S16),
    property!(a_message_comes_as_it_was_published: T1 S1 S29),
    property!(what_was_taken_outlives_the_process: T1 S6),
    property!(each_message_of_a_batch_has_its_own_answer: T2 T6 S22),
    property!(what_is_refused_alone_leaves_its_neighbours: T2 T3 S22),
    property!(what_has_failed_is_not_there: T3),
    property!(try_publish_empties_what_it_took_and_nothing_else: T5),
    property!(a_refusal_in_the_middle_leaves_the_rest_of_a_batch: T5 T6),
    property!(a_new_group_reads_what_was_there_before: T10 S14),
];

/// T1, T6, T10, S16: what was answered with `Ok` reaches each group that wants it, once.
async fn ok_reaches_every_group_that_wants_it(lab: &mut Lab) -> Checked {
    let (mut first, mut second) = (lab.group("first").await?, lab.group("second").await?);
    lab.publish(&notes(0..50)).await?;
    let expected: Vec<_> = (0..50).collect();
    for reader in [&mut first, &mut second] {
        let handled = sorted(reader.handle(50, "T1").await?);
        ensure_eq(&handled, &expected, "T10", "each group gets each message")?;
        reader.nothing("T10", "each message comes once to each group").await?;
    }
    first.close().await?;
    second.close().await
}

/// T1, S1, S29: id, source, type, time, key, cause and bytes are those that were published, whatever is in them.
async fn a_message_comes_as_it_was_published(lab: &mut Lab) -> Checked {
    let kilobyte = "k".repeat(Message::MAX_ATTRIBUTE);
    let cause = "0191d2f0-0000-7000-8000-000000000001";
    let chain = [("causationid", cause), ("correlationid", "not a UUID"), ("hops", "3")];
    let sent = [
        note(0),
        message(NOTE, b"{\"number\":1,\"text\":\"\xc3\xa4\\n\\u0000\\\"\"}", &[("partitionkey", "")]),
        numbered(
            "conformance.note.v7",
            2,
            &[("partitionkey", "\u{43a}\u{43b}\u{44e}\u{447} \"1\"\r\n\t:{}"), ("time", "2024-02-29T12:34:56.789Z")],
        ),
        numbered(NOTE, 3, &[("partitionkey", &kilobyte)]),
        numbered(OTHER, 4, &chain),
        message("conformance.empty", b"null", &[]),
    ];
    let mut reader = lab.group("group").await?;
    lab.publish(&sent).await?;
    let leased = reader.take(sent.len(), "T1").await?;
    for one in &sent {
        let Some(came) = leased.iter().map(eventbus::transport::Leased::message).find(|came| came.id() == one.id())
        else {
            return Err(broken("T1", format!("a message with the id {}", one.id()), numbers(&leased)));
        };
        ensure_eq(&came.attributes(), &one.attributes(), "T1", "the attributes")?;
        let bytes = |message: &Message| message.data().map(|data| data.to_vec()).map_err(|error| error.to_string());
        ensure_eq(&bytes(came), &bytes(one), "T1", "the bytes")?;
        ensure_eq(&came.key(), &one.key(), "T1", "the key")?;
    }
    reader.settle(leased, &eventbus::transport::Settlement::Done).await?;
    reader.close().await
}

/// T1, S6: what was answered with `Ok`, and not handled, is there in the next process, and goes to the groups of the last one.
async fn what_was_taken_outlives_the_process(lab: &mut Lab) -> Checked {
    lab.needs_durability()?;
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..20)).await?;
    let handled = reader.handle(5, "T1").await?;
    reader.close().await?;
    lab.reopen().await?;
    lab.publish(&notes(20..25)).await?;
    let mut reader = lab.group("group").await?;
    let rest = reader.handle(20, "T1").await?;
    let all = sorted(handled.into_iter().chain(rest).collect());
    ensure_eq(&all, &(0..25).collect(), "T1", "all messages, over two processes")?;
    reader.close().await
}

/// A group that takes one message of the type, and fails at that bound.
fn narrow(name: &str, capacity: usize) -> GroupSpec {
    let mut spec = GroupSpec::new(name);
    (spec.max_events, spec.overflow) = (Some(capacity), Some(Overflow::Fail));
    spec.wants.all = false;
    spec.wants.types.push((NOTE.into(), 1));
    spec
}

fn needs_failing_bounds(lab: &Lab) -> Checked {
    let can = lab.can.bounds_events && lab.can.overflow.contains(&Overflow::Fail);
    needs(can, "its groups have no bound at which they fail")
}

/// T2, T6, S22: of a batch of which one message finds no room, the others are taken; and the one that is refused reaches no group
/// at all, also none that has room.
async fn each_message_of_a_batch_has_its_own_answer(lab: &mut Lab) -> Checked {
    needs_failing_bounds(lab)?;
    let (mut narrow, mut wide) = (lab.subscribe(narrow("narrow", 1)).await?, lab.group("wide").await?);
    // Not the same from behind.
    let batch = [note(0), note(1), numbered(OTHER, 2, &[]), numbered(OTHER, 3, &[])];
    let answers = lab.answers_of(&batch).await?;
    let is_right = matches!(&answers[..], [Ok(()), Err(Refusal::Full { group, wait: false }), Ok(()), Ok(())] if **group == *"narrow");
    ensure(is_right, "T2", "[Ok, Full { narrow }, Ok, Ok], in the order of the batch", answers)?;
    let came = sorted(wide.handle(3, "T2").await?);
    ensure(!came.contains(&1), "T6", "what one group has refused reaches no other", &came)?;
    ensure_eq(&came, &vec![0, 2, 3], "T2", "the neighbours")?;
    wide.nothing("T6", "what one group has refused reaches no other").await?;
    ensure_eq(&narrow.handle(1, "T2").await?, &vec![0], "T2", "the first")?;
    narrow.nothing("T3", "what was refused is not there").await?;
    narrow.close().await?;
    wide.close().await
}

/// T2, T3, S22: a message that cannot be stored is refused alone, and is not there.
async fn what_is_refused_alone_leaves_its_neighbours(lab: &mut Lab) -> Checked {
    let refused = lab.rig.refused();
    needs(refused.is_some(), "the rig knows no message that is refused")?;
    let mut reader = lab.group("group").await?;
    let batch: Vec<_> = [Some(note(0)), refused, Some(note(1)), Some(note(2))].into_iter().flatten().collect();
    let answers = lab.answers_of(&batch).await?;
    let is_right = matches!(&answers[..], [Ok(()), Err(_), Ok(()), Ok(())]);
    ensure(is_right, "T2", "[Ok, an error, Ok, Ok], in the order of the batch", &answers)?;
    ensure_eq(&sorted(reader.handle(3, "T2").await?), &vec![0, 1, 2], "T2", "the neighbours")?;
    if !matches!(answers[1], Err(Refusal::Unknown(_))) {
        reader.nothing("T3", "what was refused, and is not `Unknown`, is not there").await?;
    }
    reader.close().await
}

/// T3: over a line that is cut, `Ok` is there, and what is refused otherwise than as `Unknown` is surely not there.
async fn what_has_failed_is_not_there(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.trouble(Trouble::Mend).await?;
    let (mut taken, mut failed) = (Vec::new(), Vec::new());
    let transport = lab.transport();
    for at in 0..40_u64 {
        match at {
            10 | 30 => lab.trouble(Trouble::Cut).await?,
            20 => lab.trouble(Trouble::Mend).await?,
            _ => {}
        }
        let batch = [note(at)];
        // Without an answer it is as unknown as if it was said.
        let wait = if at % 20 < 10 { lab.limits.patience } else { lab.limits.quiet };
        match tokio::time::timeout(wait, transport.publish(&batch)).await.ok().and_then(|mut answers| answers.pop()) {
            Some(Ok(())) => taken.push(at),
            Some(Err(Refusal::Unknown(_))) | None => {}
            Some(Err(_)) => failed.push(at),
        }
    }
    lab.trouble(Trouble::Mend).await?;
    let mut came = Vec::new();
    loop {
        match reader.step(10, lab.limits.quiet).await? {
            ReadStep::Got(leased) if !leased.is_empty() => came.extend(numbers(&leased)),
            ReadStep::Failed(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            ReadStep::Nothing if taken.iter().all(|one| came.contains(one)) => break,
            ReadStep::Nothing => came.extend(numbers(&reader.take(1, "T1").await?)),
            ReadStep::Got(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            ReadStep::Closed => return Err(broken("T12", "messages", "closed, and nobody closed it")),
        }
    }
    let wrong: Vec<_> = failed.into_iter().filter(|one| came.contains(one)).collect();
    ensure(wrong.is_empty(), "T3", "what has failed is not there", wrong)?;
    reader.close().await
}

/// T5: `try_publish` takes nothing and leaves every slot (`WouldWait`), or takes from the front and empties those slots.
async fn try_publish_empties_what_it_took_and_nothing_else(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    let mut slots: Vec<_> = notes(0..5).into_iter().map(Some).collect();
    let answer = lab.transport().try_publish(&mut slots);
    let left: Vec<_> = slots.iter().flatten().map(number).collect();
    match answer {
        Ok(()) => {
            ensure(left.is_empty(), "T5", "after `Ok` every slot is empty", left)?;
            ensure_eq(&sorted(reader.handle(5, "T5").await?), &(0..5).collect(), "T5", "what was taken")?;
        }
        Err(Refusal::WouldWait) => ensure_eq(&left, &(0..5).collect(), "T5", "what is left after `WouldWait`")?,
        Err(refusal) => return Err(broken("T5", "`Ok`, or `WouldWait`: there is room", refusal)),
    }
    reader.nothing("T5", "what stays in its slot is not taken").await?;
    reader.close().await
}

/// T5, T6: at a bound the slots that were taken are empty, those behind are as they were, and nobody has them.
async fn a_refusal_in_the_middle_leaves_the_rest_of_a_batch(lab: &mut Lab) -> Checked {
    needs_failing_bounds(lab)?;
    let (mut narrow, mut wide) = (lab.subscribe(narrow("narrow", 2)).await?, lab.group("wide").await?);
    let mut slots: Vec<_> = notes(0..5).into_iter().map(Some).collect();
    let answer = lab.transport().try_publish(&mut slots);
    needs(!matches!(answer, Err(Refusal::WouldWait)), "it takes nothing at once")?;
    let is_full = matches!(&answer, Err(Refusal::Full { wait: false, .. }));
    ensure(is_full, "T5", "`Full` for the first slot that is left", answer)?;
    let left: Vec<_> = slots.iter().map(|slot| slot.as_ref().map(number)).collect();
    ensure_eq(&left, &vec![None, None, Some(2), Some(3), Some(4)], "T5", "the slots")?;
    for reader in [&mut narrow, &mut wide] {
        ensure_eq(&sorted(reader.handle(2, "T5").await?), &vec![0, 1], "T5", "what was taken")?;
        reader.nothing("T6", "what was left reaches nobody").await?;
    }
    narrow.close().await?;
    wide.close().await
}

/// T10, S14: a new group that begins with the oldest message, or at a time, reads what was there before it.
async fn a_new_group_reads_what_was_there_before(lab: &mut Lab) -> Checked {
    needs(lab.can.replay, "it keeps nothing to replay")?;
    let mut first = lab.group("first").await?;
    lab.publish(&notes(0..1)).await?;
    // The clocks of the server and of this process may differ by a little.
    let began = SystemTime::now();
    lab.until("T10", "time goes on", || SystemTime::now() > began + Duration::from_millis(60)).await?;
    let between = began + Duration::from_millis(30);
    lab.publish(&notes(1..2)).await?;
    first.handle(2, "T1").await?;
    for (name, start, expected) in [("oldest", Start::Oldest, vec![0, 1]), ("at", Start::At(between), vec![1])] {
        let mut spec = GroupSpec::new(name);
        spec.start = start;
        let mut reader = lab.subscribe(spec).await?;
        let came = sorted(reader.handle(expected.len(), "T10").await?);
        ensure_eq(&came, &expected, "T10", &format!("what a group that starts at `{name}` reads"))?;
        reader.nothing("T10", "each message comes once").await?;
        reader.close().await?;
    }
    let mut now = lab.group("now").await?;
    now.nothing("T10", "a group that starts now does not read what others have handled").await?;
    now.close().await?;
    drop(Arc::clone(&first.source));
    first.close().await
}
