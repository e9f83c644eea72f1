//! Dead letters.

use std::sync::Arc;

use eventbus::transport::{Letter, LetterEnd, LetterId, LetterPage, LetterQuery, Settlement};

use crate::{
    Property,
    lab::Lab,
    messages::{note, notes, number, numbers, sorted},
    outcome::{Checked, broken, ensure, ensure_eq, needs},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(dead_is_a_letter_and_an_end: T23 T21 S19),
    property!(letters_come_in_pages_oldest_first: T23),
    property!(a_letter_is_replayed_or_discarded_once: T23 T22),
    property!(letters_outlive_the_process: T23 T1),
    property!(a_message_is_delivered_to_one_group_again: T10 S19),
];

fn needs_letters(lab: &Lab) -> Checked {
    needs(lab.can.dead_letters, "it keeps no dead letters: the bus does")
}

async fn page(lab: &Lab, query: LetterQuery) -> Checked<LetterPage> {
    let transport = lab.transport();
    let page = lab.answers("T23", "dead_letters", transport.dead_letters(query)).await?;
    page.map_err(|error| broken("T23", "a page of letters", error.to_string()))
}

fn query(group: Option<&str>, after: Option<&LetterId>, limit: usize) -> LetterQuery {
    let mut query = LetterQuery::default();
    (query.group, query.after, query.limit) = (group.map(Arc::from), after.cloned(), limit);
    query
}

/// Makes messages dead letters of a group, one after the other.
async fn die(lab: &Lab, group: &str, all: std::ops::Range<u64>) -> Checked {
    let mut reader = lab.group(group).await?;
    for at in all {
        lab.publish(&[note(at)]).await?;
        let leased = reader.take(1, "T1").await?;
        let told = leased.into_iter().map(|leased| leased.with_attempts(3)).collect();
        reader.settle(told, &Settlement::Dead { reason: format!("reason {at}").into() }).await?;
    }
    reader.close().await
}

fn letter_numbers(letters: &[Letter]) -> Vec<u64> {
    letters.iter().map(|letter| number(&letter.message)).collect()
}

/// T23, T21, S19: a dead message is a letter, once, with its group, attempts and reason; the group does not get it again, and goes on.
async fn dead_is_a_letter_and_an_end(lab: &mut Lab) -> Checked {
    needs_letters(lab)?;
    let mut reader = lab.group("group").await?;
    let sent = notes(0..3);
    lab.publish(&sent).await?;
    let mut leased = reader.take(3, "T1").await?;
    let at = leased.iter().position(|leased| number(leased.message()) == 1).unwrap_or_default();
    let dead = vec![leased.remove(at).with_attempts(4)];
    reader.settle(dead, &Settlement::Dead { reason: "it is odd".into() }).await?;
    reader.settle(leased, &Settlement::Done).await?;
    let found = page(lab, query(None, None, 10)).await?.letters;
    let [letter] = &found[..] else { return Err(broken("T23", "one letter", letter_numbers(&found))) };
    let seen = (&*letter.group, letter.message.id(), letter.attempts, &*letter.reason);
    ensure_eq(&seen, &("group", sent[1].id(), 4, "it is odd"), "T23", "group, message, attempts and reason")?;
    ensure_eq(&number(&letter.message), &1, "T23", "the message, with its bytes")?;
    reader.nothing("T21", "the letter has left the group").await?;
    lab.publish(&notes(3..4)).await?;
    ensure_eq(&reader.handle(1, "T23").await?, &vec![3], "S19", "the group goes on")?;
    reader.close().await
}

/// T23: pages begin behind any letter, hold no more than was asked for, show each letter once, oldest first, and end.
async fn letters_come_in_pages_oldest_first(lab: &mut Lab) -> Checked {
    needs_letters(lab)?;
    die(lab, "first", 0..5).await?;
    die(lab, "second", 10..12).await?;
    for (group, count) in [(Some("first"), 5), (None, 7)] {
        let (mut seen, mut after) = (Vec::new(), None);
        // One more than there are letters: the last page may be empty.
        for _ in 0..5 {
            let found = page(lab, query(group, after.as_ref(), 2)).await?;
            ensure(found.letters.len() <= 2, "T23", "pages of 2 letters at most", found.letters.len())?;
            seen.extend(found.letters);
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        ensure(after.is_none(), "T23", "an end of the pages", letter_numbers(&seen))?;
        let own: Vec<_> = letter_numbers(&seen).into_iter().filter(|number| *number < 10).collect();
        ensure_eq(&own, &(0..5).collect(), "T23", "the letters, oldest first, each once")?;
        ensure(seen.len() == count, "T23", format!("{count} letters"), letter_numbers(&seen))?;
    }
    let all = page(lab, query(Some("first"), None, 10)).await?.letters;
    let Some(gone) = all.get(1).map(|letter| letter.id.clone()) else {
        return Err(broken("T23", "letters", all.len()));
    };
    end(lab, std::slice::from_ref(&gone), LetterEnd::Discard, &[true]).await?;
    let behind = page(lab, query(Some("first"), Some(&gone), 10)).await?.letters;
    ensure_eq(&letter_numbers(&behind), &vec![2, 3, 4], "T23", "the letters behind one that is gone")
}

async fn end(lab: &Lab, ids: &[LetterId], end: LetterEnd, expected: &[bool]) -> Checked {
    let transport = lab.transport();
    let answers = lab.answers("T23", "end_letters", transport.end_letters(ids, end)).await?;
    let seen: Vec<_> = answers.iter().map(Result::is_ok).collect();
    ensure_eq(&seen.as_slice(), &expected, "T23", "an answer for each letter, `Ok` if it was there")
}

/// T23, T22: a replayed letter comes to its group alone, with no attempts, and is no letter any more; a discarded one is gone.
async fn a_letter_is_replayed_or_discarded_once(lab: &mut Lab) -> Checked {
    needs_letters(lab)?;
    die(lab, "group", 0..3).await?;
    let mut bystander = lab.group("bystander").await?;
    let ids: Vec<_> = page(lab, query(None, None, 10)).await?.letters.into_iter().map(|letter| letter.id).collect();
    let [first, second, _] = &ids[..] else { return Err(broken("T23", "3 letters", ids.len())) };
    let unknown = LetterId::new("0-no-such-letter");
    end(lab, &[first.clone(), unknown], LetterEnd::Replay, &[true, false]).await?;
    end(lab, std::slice::from_ref(second), LetterEnd::Discard, &[true]).await?;
    end(lab, &[first.clone(), second.clone()], LetterEnd::Discard, &[false, false]).await?;
    let left = page(lab, query(None, None, 10)).await?.letters;
    ensure_eq(&letter_numbers(&left), &vec![2], "T23", "the letters that are left")?;
    let mut reader = lab.group("group").await?;
    let back = reader.take(1, "T23").await?;
    let seen = (numbers(&back), back[0].attempts());
    ensure_eq(&seen, &(vec![0], 0), "T23", "what was replayed, and its attempts")?;
    reader.settle(back, &Settlement::Done).await?;
    reader.nothing("T23", "one letter was replayed").await?;
    bystander.nothing("T23", "a replayed letter goes to its group only").await?;
    bystander.close().await?;
    reader.close().await
}

/// T23, T1: letters are there in the next process, and can be replayed there.
async fn letters_outlive_the_process(lab: &mut Lab) -> Checked {
    needs_letters(lab)?;
    lab.needs_durability()?;
    die(lab, "group", 0..2).await?;
    lab.reopen().await?;
    let letters = page(lab, query(Some("group"), None, 10)).await?.letters;
    let seen: Vec<_> =
        letters.iter().map(|letter| (number(&letter.message), letter.attempts, &*letter.reason)).collect();
    ensure_eq(&seen, &vec![(0, 3, "reason 0"), (1, 3, "reason 1")], "T23", "the letters of the last process")?;
    end(lab, &[letters[1].id.clone()], LetterEnd::Replay, &[true]).await?;
    let mut reader = lab.group("group").await?;
    ensure_eq(&reader.handle(1, "T23").await?, &vec![1], "T23", "what was replayed")?;
    reader.nothing("T21", "the other one is still a letter").await?;
    reader.close().await
}

/// T10, S19: where the bus keeps dead letters, a message is delivered again to one group, with no attempts, and to no other.
async fn a_message_is_delivered_to_one_group_again(lab: &mut Lab) -> Checked {
    needs(!lab.can.dead_letters, "it keeps dead letters, and replays them itself")?;
    let (mut reader, mut bystander) = (lab.group("group").await?, lab.group("bystander").await?);
    lab.publish(&notes(0..2)).await?;
    bystander.handle(2, "T10").await?;
    let leased = reader.take(2, "T10").await?;
    let Some(message) = leased.first().map(|leased| leased.message().clone()) else { return Ok(()) };
    let told = leased.into_iter().map(|leased| leased.with_attempts(2)).collect();
    reader.settle(told, &Settlement::Done).await?;
    let transport = lab.transport();
    let (id, sent) = (message.id(), number(&message));
    let delivered = lab.answers("S19", "redeliver", transport.redeliver("group", message.clone())).await?;
    ensure(delivered.is_ok(), "S19", "the message is taken", delivered)?;
    let back = reader.take(1, "S19").await?;
    let seen = (back[0].message().id(), sorted(numbers(&back)), back[0].attempts());
    ensure_eq(&seen, &(id, vec![sent], 0), "S19", "the same message, with no attempts")?;
    reader.settle(back, &Settlement::Done).await?;
    bystander.nothing("T10", "it was delivered to one group").await?;
    let nowhere = lab.answers("S19", "redeliver", transport.redeliver("nowhere", message)).await?;
    ensure(nowhere.is_err(), "S19", "an error for a group that is not there", nowhere)?;
    bystander.close().await?;
    reader.close().await
}
