//! What groups want, and groups that come and go.

use std::sync::Arc;

use eventbus::{
    by_name::Pattern,
    transport::{GroupSpec, Wants},
};
use tokio::task::JoinSet;

use super::reading::take_from_all;
use crate::{
    Property,
    lab::Lab,
    messages::{NOTE, OTHER, note, notes, numbered, numbers, sorted},
    outcome::{Checked, broken, ensure, ensure_eq},
    property::property,
    reader::{ReadStep, TestReader},
};

pub(crate) const ALL: &[Property] = &[
    property!(a_group_gets_only_what_it_wants: T11 S11),
    property!(many_names_do_not_mix: T11 S3),
    property!(a_group_that_wants_something_else_gets_it_from_then_on: T11),
    property!(a_group_that_is_opened_by_many_at_once_is_one: T10 S24),
    property!(a_group_that_is_removed_ends_its_reader: S23),
];

pub(super) fn wants(name: &str, types: &[(&str, u32)], pattern: Option<&str>) -> GroupSpec {
    let mut spec = GroupSpec::new(name);
    spec.wants = Wants::default();
    spec.wants.types = types.iter().map(|(name, version)| ((*name).into(), *version)).collect();
    spec.wants.patterns = pattern.map(|pattern| Pattern::new(pattern).expect("a pattern")).into_iter().collect();
    spec
}

/// T11, S11: a group gets the types, versions and names by a pattern that it wants, and counts what it passes over.
async fn a_group_gets_only_what_it_wants(lab: &mut Lab) -> Checked {
    let mut typed = lab.subscribe(wants("typed", &[(NOTE, 1), (OTHER, 2)], None)).await?;
    let mut patterns = lab.subscribe(wants("patterns", &[], Some("*.other"))).await?;
    let mut all = lab.group("all").await?;
    let batch = [
        note(0),
        numbered("conformance.note.v2", 1, &[]),
        numbered(OTHER, 2, &[]),
        numbered("conformance.other.v2", 3, &[]),
        numbered("elsewhere.note", 4, &[]),
        note(5),
    ];
    lab.publish(&batch).await?;
    for (reader, expected) in
        [(&mut typed, vec![0, 3, 5]), (&mut patterns, vec![2, 3]), (&mut all, vec![0, 1, 2, 3, 4, 5])]
    {
        let leased = reader.take(expected.len(), "T10").await?;
        ensure_eq(&sorted(numbers(&leased)), &expected, "T11", "what the group wants")?;
        reader.settle(leased, &eventbus::transport::Settlement::Done).await?;
        reader.nothing("T11", "it wants nothing else").await?;
    }
    for (name, unwanted) in [("typed", 3), ("patterns", 4), ("all", 0)] {
        let skipped = lab.state(name).await?.skipped;
        // A transport without a shared stream has nothing to pass over.
        let is_right = skipped == 0 || skipped == unwanted;
        ensure(is_right, "T11", format!("{unwanted} passed over, or none in a queue of its own"), skipped)?;
    }
    for reader in [typed, patterns, all] {
        reader.close().await?;
    }
    Ok(())
}

/// T11, S3: many names at a time, with a group each: each group gets all of its own, and nothing else.
async fn many_names_do_not_mix(lab: &mut Lab) -> Checked {
    const NAMES: u64 = 20;
    let each = lab.limits.count(10, 100);
    let name = |at: u64| format!("conformance.name{at}");
    let mut readers = Vec::new();
    for at in 0..NAMES {
        readers.push(lab.subscribe(wants(&name(at), &[(&name(at), 1)], None)).await?);
    }
    let all: Vec<_> = (0..NAMES * each).map(|number| numbered(&name(number % NAMES), number, &[])).collect();
    lab.publish(&all).await?;
    for (at, mut reader) in (0..).zip(readers) {
        let handled = reader.handle(usize::try_from(each).unwrap_or_default(), "T10").await?;
        let expected = (0..each).map(|number| number * NAMES + at).collect();
        ensure_eq(&sorted(handled), &expected, "T11", &format!("what group {at} wants"))?;
        reader.close().await?;
    }
    Ok(())
}

/// T11: a group that is opened again and wants more gets it from then on; what it has passed over does not come back.
async fn a_group_that_wants_something_else_gets_it_from_then_on(lab: &mut Lab) -> Checked {
    // Somebody wants it all: nothing waits for a group that may come.
    let mut all = lab.group("all").await?;
    let mut reader = lab.subscribe(wants("group", &[(NOTE, 1)], None)).await?;
    lab.publish(&[note(0), numbered(OTHER, 1, &[]), note(2)]).await?;
    ensure_eq(&sorted(reader.handle(2, "T10").await?), &vec![0, 2], "T11", "the notes")?;
    reader.close().await?;
    let mut reader = lab.subscribe(wants("group", &[(OTHER, 1)], None)).await?;
    lab.publish(&[numbered(OTHER, 3, &[]), note(4)]).await?;
    ensure_eq(&reader.handle(1, "T11").await?, &vec![3], "T11", "what it wants now, from then on")?;
    reader.nothing("T11", "neither what was passed over, nor what it wants no more").await?;
    all.handle(5, "T10").await?;
    all.close().await?;
    reader.close().await
}

/// T10, S24: twenty tasks, of two processes if there can be two, that open one new group at once, all get it, and it is one group.
async fn a_group_that_is_opened_by_many_at_once_is_one(lab: &mut Lab) -> Checked {
    let processes = lab.processes().await?;
    let mut opening = JoinSet::new();
    for process in processes.iter().cycle().take(20) {
        let process = Arc::clone(process);
        opening
            .spawn(async move { process.subscribe(GroupSpec::new("group")).await.map_err(|error| error.to_string()) });
    }
    let opened = lab.answers("T10", "subscribe", opening.join_all()).await?;
    let mut readers = Vec::new();
    for source in opened {
        let source = source.map_err(|error| broken("S24", "the group is opened", error))?;
        readers.push(TestReader::new(source, lab.limits));
    }
    lab.publish(&notes(0..40)).await?;
    let taken = take_from_all(&mut readers, 40, lab).await?;
    let all = taken.iter().flat_map(|leased| numbers(leased)).collect();
    ensure_eq(&sorted(all), &(0..40).collect(), "S24", "each message once in the group")?;
    for (reader, leased) in readers.iter().zip(taken) {
        reader.settle(leased, &eventbus::transport::Settlement::Done).await?;
    }
    let transport = lab.transport();
    let states = lab.answers("T10", "groups", transport.groups()).await?;
    let states = states.map_err(|error| broken("T10", "`groups` answers", error.to_string()))?;
    ensure(states.len() == 1, "S24", "one group", states)?;
    for reader in readers {
        reader.close().await?;
    }
    for other in &processes[1..] {
        let _ = other.close(lab.limits.patience).await;
    }
    Ok(())
}

/// S23: a group that is removed while it is read ends its reader, or tells it an error; and it can be made again.
async fn a_group_that_is_removed_ends_its_reader(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    let waits = reader.step(1, lab.limits.quiet).await?;
    ensure(!matches!(waits, ReadStep::Closed | ReadStep::Failed(_)), "T12", "a source that waits", waits)?;
    let transport = lab.transport();
    let removed = lab.answers("S23", "remove_group", transport.remove_group("group")).await?;
    ensure(removed.is_ok(), "S23", "the group is removed", removed)?;
    let ends = reader.step(1, lab.limits.patience).await?;
    ensure(matches!(ends, ReadStep::Closed | ReadStep::Failed(_)), "S23", "the reader is told", ends)?;
    let again = lab.answers("S23", "remove_group", transport.remove_group("group")).await?;
    ensure(again.is_err(), "S23", "an error for a group that is not there", again)?;
    reader.close().await?;
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..1)).await?;
    ensure_eq(&reader.handle(1, "S23").await?, &vec![0], "S23", "what the new group gets")?;
    reader.close().await
}
