//! Groups: opening, looking, removing.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

use eventbus_core::{BoxError, GroupSpec, GroupState, Start};
use redis::Value;

use crate::{
    entry::{EntryId, time},
    error::CommandError,
    names::{GroupKeys, is_group},
    reply::{count, int, into_list, into_pairs, into_text},
    script::{self, call},
    shared::Shared,
    source::{Reading, RedisSource},
};

const OPEN: &str = "open the group";
const LOOK: &str = "look at the groups";

/// What opening a group has found.
pub(crate) struct Opened {
    /// `made`, `there` or `removed`.
    state: String,
    /// Where the group begins, as it is noted.
    start: EntryId,
    /// The last entry that was handed out.
    last: EntryId,
}

impl Opened {
    pub(crate) fn into_parts(self) -> (String, EntryId) {
        (self.state, self.start)
    }
}

impl Shared {
    /// Makes a group if it is not there; `again` does not make one that was removed.
    pub(crate) async fn open(&self, keys: &GroupKeys, start: &str, again: bool) -> Result<Opened, CommandError> {
        let mut open = call(&script::OPEN, &[&keys.stream, &keys.wake, &keys.info, &keys.removed]);
        open.arg(&*keys.group).arg(start).arg(again);
        let mut answer = into_list(self.work.run_one(OPEN, open).await?).into_iter().map(into_text);
        let mut next = || answer.next().flatten().ok_or(CommandError::Answer { action: OPEN });
        let (state, start, last) = (next()?, next()?, next()?);
        let id = |text: &str| EntryId::parse(text).unwrap_or_default();
        Ok(Opened { state, start: id(&start), last: id(&last) })
    }

    pub(crate) async fn subscribe(self: &Arc<Self>, spec: GroupSpec) -> Result<RedisSource, BoxError> {
        self.check_open(OPEN)?;
        if !is_group(&spec.name) {
            let text = "a group's name over Redis has 1 to 128 bytes, without control characters and braces";
            return Err(text.into());
        }
        let keys = self.keys.group(&spec.name);
        let start = match spec.start {
            Start::Oldest => "0-0".to_owned(),
            Start::At(time) => EntryId::before(time).to_string(),
            _ => "$".to_owned(),
        };
        let opened = self.open(&keys, &start, false).await?;
        // The rest of the answer's waits is the reader's.
        let reading = Reading::new(Arc::clone(self), keys, spec.wants, opened.start);
        // What was trimmed while nobody read is counted before reading passes over it.
        self.work.run_one(OPEN, reading.tick()).await?;
        let source = RedisSource::start(reading, opened.last);
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(source.reading()));
        self.start_background();
        self.changed.notify_one();
        Ok(source)
    }

    /// What is known of all groups, also after the transport has closed.
    pub(crate) async fn group_states(&self) -> Result<Vec<GroupState>, BoxError> {
        let mut info = redis::cmd("XINFO");
        info.arg("GROUPS").arg(&self.keys.stream);
        let groups = match self.work.run_one(LOOK, info).await {
            Ok(groups) => into_list(groups),
            // There is no stream yet.
            Err(CommandError::Refused { reason, .. }) if reason.contains("no such key") => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let groups: Vec<_> = groups.into_iter().filter_map(Listed::of).collect();
        let readings = self.readings();
        let mut pipeline = redis::pipe();
        for group in &groups {
            let keys = self.keys.group(&group.name);
            let stores = [&*keys.stream, &keys.queue, &keys.leased, &keys.info, &keys.delayed];
            let mut state = call(&script::STATE, &stores);
            state.arg(&group.last).arg(group.lag.is_none());
            pipeline.add_command(state);
        }
        for reading in &readings {
            pipeline.cmd("XINFO").arg("CONSUMERS").arg(&reading.keys.stream).arg(&*reading.keys.group);
        }
        let mut answers = self.work.run(LOOK, &pipeline).await?.into_iter();
        let mut states = Vec::with_capacity(groups.len());
        for group in groups {
            let answer = answers.next().ok_or(CommandError::Answer { action: LOOK })?;
            let answer = answer.map_err(|error| CommandError::refused(LOOK, &error))?;
            states.push(group.state(&into_list(answer)));
        }
        for (reading, answer) in readings.iter().zip(answers) {
            let Some(state) = states.iter_mut().find(|state| state.name == reading.keys.group) else { continue };
            // Without an answer the group has vanished, and its reader tells that.
            let consumers = answer.map(into_list).unwrap_or_default();
            let pending = consumers.into_iter().find_map(|consumer| pending_of(consumer, &reading.consumer));
            state.depth = state.depth.map(|depth| depth + reading.on_their_way(pending.unwrap_or(0)));
        }
        Ok(states)
    }

    pub(crate) async fn remove_group(&self, name: &str) -> Result<(), BoxError> {
        const ACTION: &str = "remove the group";
        self.check_open(ACTION)?;
        let keys = self.keys.group(&name.into());
        let mut stores = vec![&*keys.stream, &keys.removed];
        stores.extend(keys.all());
        let mut remove = call(&script::REMOVE, &stores);
        remove.arg(name);
        match int(&self.work.run_one(ACTION, remove).await?) {
            Some(1) => Ok(()),
            _ => Err(format!("there is no group `{}`", name.escape_debug()).into()),
        }
    }
}

fn into_fields(value: Value) -> HashMap<String, Value> {
    let named = |(name, value)| Some((into_text(name)?, value));
    into_pairs(value).into_iter().filter_map(named).collect()
}

/// How many entries are pending for a consumer, if it is this one.
fn pending_of(consumer: Value, name: &str) -> Option<u64> {
    let mut fields = into_fields(consumer);
    let is_it = into_text(fields.remove("name")?)? == name;
    is_it.then(|| fields.get("pending").and_then(count)).flatten()
}

/// A group as the server lists it.
struct Listed {
    name: Arc<str>,
    last: String,
    lag: Option<u64>,
    pending: u64,
}

impl Listed {
    fn of(value: Value) -> Option<Self> {
        let mut fields = into_fields(value);
        Some(Self {
            name: into_text(fields.remove("name")?)?.into(),
            last: into_text(fields.remove("last-delivered-id")?)?,
            lag: fields.get("lag").and_then(count),
            pending: fields.get("pending").and_then(count).unwrap_or(0),
        })
    }

    fn state(self, answer: &[Value]) -> GroupState {
        let number = |at: usize| answer.get(at).and_then(count);
        let mut state = GroupState::new(self.name);
        let ready = number(0).unwrap_or(0);
        // Where the server cannot tell how far the group is behind, entries were counted, up to a bound.
        state.depth = self.lag.or_else(|| number(7)).map(|lag| lag + ready);
        state.delayed = number(1).unwrap_or(0);
        state.next_due = number(2).map(time);
        state.leased = Some(self.pending + number(3).unwrap_or(0));
        state.skipped = number(4).unwrap_or(0);
        state.trimmed = number(5);
        state.oldest_age = number(6).map(Duration::from_millis);
        state
    }
}
