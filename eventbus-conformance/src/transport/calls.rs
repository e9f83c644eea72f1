//! What holds for all methods.

use std::{error::Error, sync::Arc, time::Duration};

use eventbus::transport::{GroupSpec, LetterEnd, LetterId, LetterQuery, Read, Refusal, Settlement};

use crate::{
    Property,
    lab::{Lab, ended, unsettled},
    messages::{NOTE, message, note, notes},
    outcome::{Checked, broken, ensure, ensure_eq},
    property::property,
    reader::{ReadStep, TestReader},
};

pub(crate) const ALL: &[Property] = &[
    Property { is_single: true, ..property!(waiting_holds_no_thread: T30) },
    property!(errors_show_neither_payloads_nor_passwords: T32),
    property!(everything_may_be_called_after_close: T33 T12),
];

/// T30: on a runtime of one thread, a `next` that waits leaves the thread to others, and so does everything else.
async fn waiting_holds_no_thread(lab: &mut Lab) -> Checked {
    let (mut first, mut second) = (lab.group("group").await?, lab.group("group").await?);
    for reader in [&mut first, &mut second] {
        // It ends only if the timer gets its turn while `next` waits.
        let step = reader.step(1, Duration::from_millis(5)).await?;
        ensure(!matches!(step, ReadStep::Closed), "T12", "a source that waits", step)?;
    }
    for at in 0..20 {
        lab.publish(&[note(at)]).await?;
        let mut all = [&mut first, &mut second];
        let mut leased = Vec::new();
        while leased.is_empty() {
            for reader in &mut all {
                if let ReadStep::Got(own) = reader.step(1, Duration::from_millis(2)).await? {
                    reader.settle(own, &Settlement::Done).await?;
                    leased.push(());
                }
            }
        }
    }
    first.close().await?;
    second.close().await
}

/// T32: no error of the transport shows a value of a message, or a password of the rig.
async fn errors_show_neither_payloads_nor_passwords(lab: &mut Lab) -> Checked {
    const CANARY: &str = "canary-4711";
    let payload = format!("{{\"number\":1,\"text\":\"{CANARY}\"}}");
    let canary = || message(NOTE, payload.as_bytes(), &[]);
    let mut texts = Vec::new();
    let mut reader = lab.group("group").await?;
    let mut batch = vec![canary()];
    batch.extend(lab.rig.refused());
    texts.extend(lab.answers_of(&batch).await?.into_iter().filter_map(Result::err).map(|refusal| refused(&refusal)));
    let leased = reader.take(1, "T1").await?;
    let transport = lab.transport();
    let ids = [LetterId::new("0-no-such-letter")];
    let ends = lab.answers("T32", "end_letters", transport.end_letters(&ids, LetterEnd::Discard)).await?;
    texts.extend(ends.into_iter().filter_map(Result::err).map(|error| said(&*error)));
    let removed = lab.answers("T32", "remove_group", transport.remove_group("nowhere")).await?;
    texts.extend(removed.err().map(|error| said(&*error)));
    let delivered = lab.answers("T32", "redeliver", transport.redeliver("nowhere", canary())).await?;
    texts.extend(delivered.err().map(|refusal| refused(&refusal)));
    let closed = lab.answers("T33", "close", transport.close(lab.limits.patience)).await?;
    texts.extend(closed.err().map(|error| said(&*error)));
    texts.extend(transport.publish(&[canary()]).await.into_iter().filter_map(Result::err).map(|one| refused(&one)));
    let left = unsettled(&reader.source, ended(leased, &Settlement::Done), lab.limits).await?;
    texts.extend(left.iter().map(|one| said(&*one.error)));
    let subscribed = lab.answers("T33", "subscribe", transport.subscribe(GroupSpec::new("group"))).await?;
    texts.extend(subscribed.err().map(|error| said(&*error)));
    texts.extend(lab.answers("T33", "health", transport.health()).await?.last_error);
    let mut secrets = lab.rig.secrets();
    secrets.push(CANARY.to_owned());
    for text in &texts {
        let shows = secrets.iter().any(|secret| text.contains(secret.as_str()));
        // The text itself would show it once more.
        ensure(!shows, "T32", "errors without payloads and passwords", "a secret in an error")?;
        ensure(!text.trim().is_empty(), "T32", "errors that say what was tried", text)?;
    }
    Ok(())
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Failed(error) | Refusal::Unknown(error) | Refusal::Unwritable(error) => said(&**error),
        other => format!("{other:?}"),
    }
}

/// All that an error says, with its sources, in both forms.
fn said(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text} {inner} {inner:?}");
        source = inner.source();
    }
    text
}

/// T33, T12: after `close`, also a second one, everything answers: `Closed`, an error, or what is still known.
async fn everything_may_be_called_after_close(lab: &mut Lab) -> Checked {
    let mut reader = lab.group("group").await?;
    lab.publish(&notes(0..3)).await?;
    let leased = reader.take(1, "T1").await?;
    let transport = lab.transport();
    for _ in 0..2 {
        let _ = lab.answers("T33", "close", transport.close(lab.limits.patience)).await?;
    }
    let answers = lab.answers("T33", "publish", transport.publish(&notes(3..5))).await?;
    let is_refused = answers.len() == 2 && answers.iter().all(Result::is_err);
    ensure(is_refused, "T33", "two refusals", answers)?;
    let mut slots: Vec<_> = notes(5..7).into_iter().map(Some).collect();
    let tried = transport.try_publish(&mut slots);
    let is_left = tried.is_err() && slots.iter().all(Option::is_some);
    ensure(is_left, "T33", "a refusal, and the messages in their slots", tried)?;
    lab.answers("T33", "ready", transport.ready()).await?;
    let mut closed = TestReader::new(Arc::clone(&reader.source), lab.limits);
    let step = closed.step(1, lab.limits.patience).await?;
    ensure(matches!(step, ReadStep::Closed | ReadStep::Failed(_)), "T33", "`Closed`, or an error", step)?;
    let mut into = Vec::new();
    let read = reader.source.try_next(1, &mut into);
    ensure(into.is_empty() && read != Some(Read::Batch), "T33", "`Closed`, or `None`", read)?;
    let ids = leased.iter().map(|leased| leased.lease().clone()).collect();
    let _ = lab.answers("T33", "extend", reader.source.extend(ids)).await?;
    let count = leased.len();
    let left = unsettled(&reader.source, ended(leased, &Settlement::Done), lab.limits).await?;
    ensure(left.len() <= count, "T20", "no more than was settled", left)?;
    for _ in 0..2 {
        let _ = lab.answers("T33", "Source::close", reader.source.close()).await?;
    }
    if let Ok(source) = lab.answers("T33", "subscribe", transport.subscribe(GroupSpec::new("late"))).await? {
        let mut late = TestReader::new(source, lab.limits);
        let step = late.step(1, lab.limits.patience).await?;
        ensure(matches!(step, ReadStep::Closed | ReadStep::Failed(_)), "T33", "`Closed`, or an error", step)?;
    }
    let _ = lab.answers("T33", "groups", transport.groups()).await?;
    let _ = lab.answers("T33", "remove_group", transport.remove_group("group")).await?;
    let mut query = LetterQuery::default();
    query.limit = 1;
    let _ = lab.answers("T33", "dead_letters", transport.dead_letters(query)).await?;
    let ids = [LetterId::new("0-no-such-letter")];
    let ends = lab.answers("T33", "end_letters", transport.end_letters(&ids, LetterEnd::Replay)).await?;
    ensure_eq(&ends.len(), &1, "T33", "an answer for each letter")?;
    let delivered = lab.answers("T33", "redeliver", transport.redeliver("group", note(9))).await?;
    if delivered.is_ok() {
        return Err(broken("T33", "a refusal: what is taken now is handled by nobody", delivered));
    }
    let _ = lab.answers("T33", "health", transport.health()).await?;
    let _ = (transport.unrouted(), transport.capabilities());
    Ok(())
}
