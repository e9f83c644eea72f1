//! A transport over one append-only file of JSON lines, for one process at a time.
//!
//! A thread of its own writes (`writer`): no method blocks. What a line means is in `line`, what follows from all of them in
//! `state`. A published message is acknowledged, and handed out, once it is on disk.

#![forbid(unsafe_code)]

mod group;
mod letters;
mod line;
mod source;
mod state;
mod writer;

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use eventbus::{BoxError, transport::{Answer, BoxFuture, Capabilities, Durability, GroupSpec, GroupState, LetterEnd, LetterId, LetterPage, LetterQuery, Message, Refusal, Source, Transport, TransportHealth, TransportReports}};
use tokio::sync::oneshot;

use self::{line::Line, source::FileSource, state::State, writer::Writer};

/// Carries published events in an append-only file.
#[derive(Debug)]
pub struct FileTransport {
    shared: Arc<Shared>,
}

/// What the transport, its sources and its writer share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    writer: Writer,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a change at once, and writes it without waiting: lost with the process, deliveries come again.
    fn note(&self, state: &mut State, line: Line) {
        if let Some(text) = line.text() {
            self.writer.send(text, None);
        }
        state.apply(line);
    }
}

impl FileTransport {
    /// Opens a file, makes it if need be, and reads what is in it.
    ///
    /// # Errors
    ///
    /// What the file system says; [`io::ErrorKind::WouldBlock`] if another process has it open.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        file.try_lock()?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            // The process has died within a line, which nobody was told of.
            text.truncate(whole);
            file.set_len(whole as u64)?;
        }
        let mut state = State::default();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            state.apply(Line::parse(line));
        }
        state.forget_leases();
        Ok(Self { shared: Arc::new(Shared { state: Mutex::new(state), writer: Writer::start(file) }) })
    }

    async fn publish_all(&self, batch: &[Message]) -> Vec<Result<(), Refusal>> {
        if self.shared.state().is_closed {
            return batch.iter().map(|_| Err(Refusal::Closed)).collect();
        }
        let lines: Vec<_> = batch.iter().map(Line::of_message).collect();
        let mut text = Vec::new();
        for line in lines.iter().flatten().filter_map(Line::text) {
            text.extend(line);
        }
        let messages: Vec<_> =
            batch.iter().zip(&lines).filter(|(_, line)| line.is_ok()).map(|(one, _)| one.clone()).collect();
        let (done, written) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        // On the writer's thread: the messages are handed out in the order of the file, whether or not somebody waits here.
        self.shared.writer.send(
            text,
            Some(Box::new(move |result| {
                if result.is_ok() {
                    let mut state = shared.state();
                    for message in messages {
                        state.push(message);
                    }
                }
                let _ = done.send(result);
            })),
        );
        let written = written.await.unwrap_or_else(|_| Err("the writer has gone".to_owned()));
        let answer = |line: Result<Line, BoxError>| match (line, &written) {
            (Err(error), _) => Err(Refusal::Unwritable(error)),
            (Ok(_), Ok(())) => Ok(()),
            // Some of it may be on disk.
            (Ok(_), Err(error)) => Err(Refusal::Unknown(error.clone().into())),
        };
        lines.into_iter().map(answer).collect()
    }
}

impl Transport for FileTransport {
    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_PROCESS
            .with_codec()
            .with_durability(Durability::Disk)
            .with_replay()
            .with_dead_letters()
            .with_delay(None)
            .without_bounds()
    }

    fn attach(&self, reports: TransportReports) {
        self.shared.writer.attach(reports);
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        Box::pin(self.publish_all(batch))
    }

    fn subscribe(&self, spec: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        Box::pin(async move {
            let mut state = self.shared.state();
            if state.is_closed {
                return Err("the transport is closed".into());
            }
            if !state.groups.contains_key(&*spec.name) {
                let start = state.start_of(spec.start);
                self.shared.note(&mut state, Line::Group { group: spec.name.to_string(), start });
            }
            let wakes = state.open(&spec);
            let source: Arc<dyn Source> = Arc::new(FileSource::new(Arc::clone(&self.shared), spec.name, wakes));
            Ok(source)
        })
    }

    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        Box::pin(async { Ok(self.shared.state().group_states()) })
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        Box::pin(async move {
            let mut state = self.shared.state();
            if !state.groups.contains_key(name) {
                return Err(format!("there is no group `{name}`").into());
            }
            self.shared.note(&mut state, Line::Removed { group: name.to_owned() });
            Ok(Vec::new())
        })
    }

    fn dead_letters(&self, query: LetterQuery) -> Answer<'_, LetterPage> {
        Box::pin(async move {
            let state = self.shared.state();
            state.letters.page(&query, &state.log)
        })
    }

    fn end_letters<'a>(&'a self, ids: &'a [LetterId], end: LetterEnd) -> BoxFuture<'a, Vec<Result<(), BoxError>>> {
        Box::pin(async move {
            let mut state = self.shared.state();
            let mut end_one = |id: &LetterId| {
                let number = state.letters.find(id)?;
                let is_replayed = end == LetterEnd::Replay;
                self.shared.note(&mut state, Line::Ended { letter: number, is_replayed });
                Ok(())
            };
            ids.iter().map(&mut end_one).collect()
        })
    }

    fn health(&self) -> BoxFuture<'_, TransportHealth> {
        Box::pin(async { self.shared.writer.health() })
    }

    fn close(&self, _deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        Box::pin(async {
            self.shared.state().close();
            let (done, flushed) = oneshot::channel();
            self.shared.writer.send(Vec::new(), Some(Box::new(move |result| _ = done.send(result))));
            flushed.await.unwrap_or_else(|_| Err("the writer has gone".to_owned()))?;
            // The file has what is left.
            Ok(Vec::new())
        })
    }
}
