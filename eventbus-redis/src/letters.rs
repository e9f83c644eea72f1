//! Dead letters: a stream of their own, of all groups.

use std::{sync::Arc, time::SystemTime};

use eventbus_core::{BoxError, Letter, LetterEnd, LetterId, LetterPage, LetterQuery};
use redis::{Cmd, Value};

use crate::{
    entry::{self, EntryId, fields_of},
    error::CommandError,
    reply::{int, into_list, into_text},
    script::{self, call},
    shared::Shared,
};

/// How many letters are read at once, and how often for one page.
const SCANNED_AT_ONCE: usize = 256;
const SCANS: usize = 16;

const GROUP: &str = "deadgroup";
const REASON: &str = "deadreason";
const ATTEMPTS: &str = "deadattempts";
const TIME: &str = "deadtime";
const POSITION: &str = "deadposition";

/// The longest reason that is kept, in bytes.
const LONGEST_REASON: usize = 4096;

/// Adds to a command, behind a message's fields, what makes a letter of it.
pub(crate) fn describe(
    command: &mut Cmd,
    group: &str,
    reason: &str,
    attempts: u32,
    failed_at: SystemTime,
    position: &str,
) {
    let reason = &reason[..reason.floor_char_boundary(LONGEST_REASON)];
    command.arg(GROUP).arg(group).arg(REASON).arg(reason).arg(ATTEMPTS).arg(attempts);
    command.arg(TIME).arg(entry::millis(failed_at)).arg(POSITION).arg(position);
}

/// A stored letter: its id and its fields.
type Stored = (String, Vec<(Vec<u8>, Vec<u8>)>);

fn find<'a>(fields: &'a [(Vec<u8>, Vec<u8>)], wanted: &str) -> Option<&'a str> {
    let value = fields.iter().find(|(name, _)| name == wanted.as_bytes()).map(|(_, value)| value)?;
    std::str::from_utf8(value).ok()
}

fn into_stored(value: Value) -> Option<Stored> {
    let mut entry = into_list(value).into_iter();
    let id = into_text(entry.next()?)?;
    Some((id, fields_of(entry.next()?)))
}

/// The fields that belong to the message.
fn of_message(fields: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let own = [GROUP, REASON, ATTEMPTS, TIME, POSITION].map(str::as_bytes);
    fields.into_iter().filter(|(name, _)| !own.contains(&&**name)).collect()
}

impl Shared {
    fn letter(&self, (id, fields): Stored) -> Letter {
        let group = Arc::from(find(&fields, GROUP).unwrap_or("unknown"));
        let reason = Arc::from(find(&fields, REASON).unwrap_or("unknown"));
        let attempts = find(&fields, ATTEMPTS).and_then(|text| text.parse().ok());
        let failed_at = find(&fields, TIME).and_then(|text| text.parse().ok()).map(entry::time);
        let entry = EntryId::parse(&id);
        let message = entry::read(&self.keys.dead, entry, &of_message(fields));
        let mut letter = Letter::new(LetterId::new(&id), group, message, reason);
        letter.attempts = attempts.unwrap_or(1);
        letter.failed_at = failed_at.unwrap_or(letter.failed_at);
        letter
    }

    pub(crate) async fn dead_letters(&self, query: LetterQuery) -> Result<LetterPage, BoxError> {
        const ACTION: &str = "list dead letters";
        self.check_open(ACTION)?;
        let mut page = LetterPage::default();
        let mut after = query.after.as_ref().map(parse).transpose()?;
        if query.limit == 0 {
            page.next = query.after;
            return Ok(page);
        }
        for _ in 0..SCANS {
            let missing = query.limit - page.letters.len();
            let asked = if query.group.is_none() { missing.min(SCANNED_AT_ONCE) } else { SCANNED_AT_ONCE };
            let mut range = redis::cmd("XRANGE");
            range.arg(&self.keys.dead).arg(after.map_or("-".to_owned(), |id| format!("({id}"))).arg("+");
            range.arg("COUNT").arg(asked);
            let found = into_list(self.work.run_one(ACTION, range).await?);
            let is_end = found.len() < asked;
            for stored in found.into_iter().filter_map(into_stored) {
                after = EntryId::parse(&stored.0).or(after);
                let group = find(&stored.1, GROUP);
                if query.group.as_ref().is_none_or(|wanted| Some(&**wanted) == group) {
                    page.letters.push(self.letter(stored));
                    if page.letters.len() == query.limit {
                        page.next = after.map(|id| LetterId::new(&id.to_string()));
                        return Ok(page);
                    }
                }
            }
            if is_end {
                return Ok(page);
            }
        }
        // A short page: there is more to look through.
        page.next = after.map(|id| LetterId::new(&id.to_string()));
        Ok(page)
    }

    pub(crate) async fn end_letters(&self, ids: &[LetterId], end: LetterEnd) -> Vec<Result<(), BoxError>> {
        let result = match end {
            LetterEnd::Replay => self.replay(ids).await,
            LetterEnd::Discard => self.discard(ids).await,
            _ => Ok(ids.iter().map(|_| Err("dead letters cannot end in this way here".into())).collect()),
        };
        result.unwrap_or_else(|error| ids.iter().map(|_| Err(error.clone().into())).collect())
    }

    async fn discard(&self, ids: &[LetterId]) -> Result<Vec<Result<(), BoxError>>, CommandError> {
        const ACTION: &str = "discard dead letters";
        self.check_open(ACTION)?;
        let mut pipeline = redis::pipe();
        for id in ids.iter().filter(|id| parse(id).is_ok()) {
            pipeline.cmd("XDEL").arg(&self.keys.dead).arg(id.as_str());
        }
        let mut answers = self.work.run(ACTION, &pipeline).await?.into_iter();
        let end = |id: &LetterId| {
            parse(id)?;
            match answers.next().ok_or(CommandError::Answer { action: ACTION })? {
                Ok(value) if int(&value) == Some(1) => Ok(()),
                Ok(_) => Err(format!("there is no dead letter {id}").into()),
                Err(error) => Err(CommandError::refused(ACTION, &error).into()),
            }
        };
        Ok(ids.iter().map(end).collect())
    }

    async fn replay(&self, ids: &[LetterId]) -> Result<Vec<Result<(), BoxError>>, CommandError> {
        const ACTION: &str = "replay dead letters";
        self.check_open(ACTION)?;
        let mut pipeline = redis::pipe();
        for id in ids.iter().filter(|id| parse(id).is_ok()) {
            pipeline.cmd("XRANGE").arg(&self.keys.dead).arg(id.as_str()).arg(id.as_str());
        }
        let mut found = self.work.run(ACTION, &pipeline).await?.into_iter();
        let mut replays = redis::pipe();
        let mut ends: Vec<Result<(), BoxError>> = Vec::new();
        for id in ids {
            let prepared = parse(id).and_then(|entry| {
                let answer = found.next().ok_or(CommandError::Answer { action: ACTION })?;
                let stored = into_list(answer.map_err(|error| CommandError::refused(ACTION, &error))?);
                let stored = stored.into_iter().next().and_then(into_stored);
                self.replay_of(id, entry, stored.ok_or_else(|| no_letter(id))?.1)
            });
            ends.push(prepared.map(|command| _ = replays.add_command(command)));
        }
        let answers = self.work.run(ACTION, &replays).await?;
        let prepared = ends.iter_mut().zip(ids).filter(|(end, _)| end.is_ok());
        for ((end, id), answer) in prepared.zip(answers) {
            *end = match answer.map(|value| int(&value)) {
                Ok(Some(1)) => Ok(()),
                Ok(Some(-1)) => Err(format!("the group of dead letter {id} is not there").into()),
                Ok(_) => Err(no_letter(id)),
                Err(error) => Err(CommandError::refused(ACTION, &error).into()),
            };
        }
        Ok(ends)
    }

    fn replay_of(&self, id: &LetterId, entry: EntryId, fields: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Cmd, BoxError> {
        let group: Arc<str> = find(&fields, GROUP).ok_or("the dead letter names no group")?.into();
        if !crate::names::is_group(&group) {
            return Err("the dead letter names no group".into());
        }
        // Behind the place it had. Two letters of one message must not have the same place.
        let place = find(&fields, POSITION).map_or_else(|| entry.position(), |text| text.chars().take(64).collect());
        let position = format!("{place}-r{}", entry.position());
        let message = entry::read(&self.keys.dead, Some(entry), &of_message(fields));
        let keys = &self.keys.group(&group)[self.keys.stream_of(message.key())];
        let stores = [&*keys.stream, &keys.dead, &keys.queue, &keys.body, &keys.counts, &keys.wake];
        let mut replay = call(&script::REPLAY, &stores);
        replay.arg(&*group).arg(id.as_str()).arg(position);
        entry::write(&message, &mut replay)?;
        Ok(replay)
    }
}

fn no_letter(id: &LetterId) -> BoxError {
    format!("there is no dead letter {id}").into()
}

fn parse(id: &LetterId) -> Result<EntryId, BoxError> {
    EntryId::parse(id.as_str()).ok_or_else(|| no_letter(id))
}
