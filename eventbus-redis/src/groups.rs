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
    reading::{GroupStream, Reading},
    reply::{count, int, into_list, into_pairs, into_text},
    script::{self, call},
    shared::Shared,
    source::RedisSource,
};

const OPEN: &str = "open the group";
const LOOK: &str = "look at the groups";

/// What opening a group on a stream has found.
pub(crate) struct Opened {
    /// `made`, `there` or `removed`.
    state: String,
    /// Where the group begins, as it is noted.
    pub(crate) start: EntryId,
    /// The last entry that was handed out.
    last: EntryId,
}

impl Opened {
    pub(crate) fn is_made(&self) -> bool {
        self.state == "made"
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.state == "removed"
    }
}

impl Shared {
    /// Makes a group where it is not there, from these starts; `again` does not make one that was removed.
    pub(crate) async fn open(
        &self,
        streams: &[(&GroupKeys, String)],
        again: bool,
    ) -> Result<Vec<Opened>, CommandError> {
        let mut pipeline = redis::pipe();
        for (keys, start) in streams {
            let mut open = call(&script::OPEN, &[&keys.stream, &keys.wake, &keys.info, &keys.removed]);
            open.arg(&*keys.group).arg(start).arg(again);
            pipeline.add_command(open);
        }
        let opened = self.work.run(OPEN, &pipeline).await?.into_iter().map(|answer| {
            let answer = answer.map_err(|error| CommandError::refused(OPEN, &error))?;
            let mut answer = into_list(answer).into_iter().map(into_text);
            let mut next = || answer.next().flatten().ok_or(CommandError::Answer { action: OPEN });
            let (state, start, last) = (next()?, next()?, next()?);
            let id = |text: &str| EntryId::parse(text).unwrap_or_default();
            Ok(Opened { state, start: id(&start), last: id(&last) })
        });
        opened.collect()
    }

    pub(crate) async fn subscribe(self: &Arc<Self>, spec: GroupSpec) -> Result<RedisSource, BoxError> {
        self.check_open(OPEN)?;
        if !is_group(&spec.name) {
            let text = "a group's name over Redis has 1 to 128 bytes, without control characters and braces";
            return Err(text.into());
        }
        let start = match spec.start {
            Start::Oldest => "0-0".to_owned(),
            Start::At(time) => EntryId::before(time).to_string(),
            _ => "$".to_owned(),
        };
        let keys = self.keys.group(&spec.name);
        let opened = self.open(&keys.iter().map(|keys| (keys, start.clone())).collect::<Vec<_>>(), false).await?;
        let streams: Vec<_> =
            keys.into_iter().zip(&opened).map(|(keys, opened)| GroupStream::new(keys, opened.start)).collect();
        // What was trimmed while nobody read is counted before reading passes over it.
        let mut tick = redis::pipe();
        for stream in &streams {
            tick.add_command(stream.tick());
        }
        self.work.run(OPEN, &tick).await?;
        let reading = Reading::new(Arc::clone(self), spec.wants, streams);
        reading.share(0).await?;
        let source = RedisSource::start(reading, opened.into_iter().map(|opened| opened.last).collect());
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(source.reading()));
        self.start_background();
        self.changed.notify_one();
        Ok(source)
    }

    /// What is known of all groups, also after the transport has closed.
    pub(crate) async fn group_states(&self) -> Result<Vec<GroupState>, BoxError> {
        let mut pipeline = redis::pipe();
        for stream in &self.keys.streams {
            pipeline.cmd("XINFO").arg("GROUPS").arg(stream);
        }
        let mut groups = Vec::new();
        for (stream, answer) in self.work.run(LOOK, &pipeline).await?.into_iter().enumerate() {
            match answer {
                Ok(listed) => {
                    let listed = into_list(listed).into_iter();
                    groups.extend(listed.filter_map(|value| Listed::of(stream, value)));
                }
                // There is no stream yet.
                Err(error) if error.details().is_some_and(|details| details.contains("no such key")) => {}
                Err(error) => return Err(CommandError::refused(LOOK, &error).into()),
            }
        }
        let readings = self.readings();
        let mut pipeline = redis::pipe();
        for group in &groups {
            let keys = &self.keys.group(&group.name)[group.stream];
            let stores = [&*keys.stream, &keys.queue, &keys.leased, &keys.info, &keys.delayed];
            let mut state = call(&script::STATE, &stores);
            state.arg(&group.last).arg(group.lag.is_none()).arg(group.stream == 0);
            pipeline.add_command(state);
        }
        let read: Vec<_> = readings.iter().flat_map(|one| (0..one.streams.len()).map(move |at| (one, at))).collect();
        for (reading, stream) in &read {
            pipeline.cmd("XINFO").arg("CONSUMERS").arg(&reading.streams[*stream].keys.stream).arg(&**reading.group());
        }
        let mut answers = self.work.run(LOOK, &pipeline).await?.into_iter();
        let mut states: Vec<GroupState> = Vec::new();
        for group in groups {
            let answer = answers.next().ok_or(CommandError::Answer { action: LOOK })?;
            let answer = answer.map_err(|error| CommandError::refused(LOOK, &error))?;
            let state = group.state(&into_list(answer));
            match states.iter_mut().find(|one| one.name == state.name) {
                Some(one) => add(one, &state),
                None => states.push(state),
            }
        }
        for ((reading, stream), answer) in read.into_iter().zip(answers) {
            let Some(state) = states.iter_mut().find(|state| state.name == *reading.group()) else { continue };
            // Without an answer the group has vanished, and its reader tells that.
            let consumers = answer.map(into_list).unwrap_or_default();
            let pending = consumers.into_iter().find_map(|consumer| pending_of(consumer, &reading.consumer));
            let ahead = if stream == 0 { reading.read_ahead() } else { 0 };
            let waiting = reading.on_their_way(stream, pending.unwrap_or(0)) + ahead;
            state.depth = state.depth.map(|depth| depth + waiting);
        }
        Ok(states)
    }

    pub(crate) async fn remove_group(&self, name: &str) -> Result<(), BoxError> {
        const ACTION: &str = "remove the group";
        self.check_open(ACTION)?;
        let mut pipeline = redis::pipe();
        for keys in self.keys.group(&name.into()) {
            let mut stores = vec![&*keys.stream, &keys.removed];
            stores.extend(keys.all());
            let mut remove = call(&script::REMOVE, &stores);
            remove.arg(name);
            pipeline.add_command(remove);
        }
        let mut was_there = false;
        for answer in self.work.run(ACTION, &pipeline).await? {
            let removed = answer.map_err(|error| CommandError::refused(ACTION, &error))?;
            was_there |= int(&removed) == Some(1);
        }
        if was_there { Ok(()) } else { Err(format!("there is no group `{}`", name.escape_debug()).into()) }
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

/// Adds what a group holds on another stream.
fn add(sum: &mut GroupState, other: &GroupState) {
    sum.depth = sum.depth.zip(other.depth).map(|(one, other)| one + other);
    sum.leased = sum.leased.zip(other.leased).map(|(one, other)| one + other);
    sum.trimmed = sum.trimmed.zip(other.trimmed).map(|(one, other)| one + other);
    sum.delayed += other.delayed;
    sum.skipped += other.skipped;
    sum.next_due = sum.next_due.into_iter().chain(other.next_due).min();
    sum.oldest_age = sum.oldest_age.max(other.oldest_age);
}

/// A group as the server lists it for a stream.
struct Listed {
    stream: usize,
    name: Arc<str>,
    last: String,
    lag: Option<u64>,
    pending: u64,
}

impl Listed {
    fn of(stream: usize, value: Value) -> Option<Self> {
        let mut fields = into_fields(value);
        Some(Self {
            stream,
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
