//! A server, a folder for ledgers, and programs that use both.

use std::{
    cell::Cell,
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use redis_test_server::{RedisServer, Watchdog};

use crate::{GROUP, Line, Note, Program, Work, check::sorted, ledger};

/// How long anything may take.
pub const LIMIT: Duration = if cfg!(debug_assertions) { Duration::from_mins(15) } else { Duration::from_mins(10) };

/// The count for every day, or that of a release if `EVENTBUS_FULL` is set.
pub fn count(every_day: u64, full: u64) -> u64 {
    if std::env::var_os("EVENTBUS_FULL").is_some() { full } else { every_day }
}

/// Asks again and again until it is so.
///
/// # Panics
///
/// If it is not so in time.
pub fn until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < limit, "not in {limit:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The fields of an entry.
type Fields = Vec<(String, String)>;

fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.iter().find(|(own, _)| own == name).map(|(_, value)| &**value)
}

/// The number of a work; `None` if the entry is none.
fn number_of(fields: &Fields) -> Option<u64> {
    serde_json::from_str::<Work>(field(fields, "data")?).ok().map(|work| work.number)
}

/// Dropped, the server and the programs are killed and the folder is removed.
#[derive(Debug)]
pub struct Scene {
    /// The server.
    pub server: RedisServer,
    folder: PathBuf,
    started: Cell<u64>,
    _watchdog: Watchdog,
}

impl Scene {
    /// A scene around a server.
    ///
    /// # Panics
    ///
    /// If the temporary folder cannot be written.
    pub fn new(server: RedisServer) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("redis-faults-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder should be writable");
        let watchdog = Watchdog::new(None, Some(&folder)).expect("the watchdog should start");
        Self { server, folder, started: Cell::new(0), _watchdog: watchdog }
    }

    /// Starts a program; its ledger has the name `kind` and a number.
    pub fn start(&self, path: &str, kind: &str, options: &[(&str, &str)]) -> Program {
        let number = self.started.replace(self.started.get() + 1);
        let ledger = self.folder.join(format!("{kind}-{number}.ledger"));
        let options = options.iter().map(|(name, value)| format!("{name}={value}"));
        let all: Vec<_> = [format!("url={}", self.server.url())].into_iter().chain(options).collect();
        Program::start(path, &ledger, &all)
    }

    /// All lines of the ledgers of a kind, in the order of their times.
    ///
    /// # Panics
    ///
    /// If the folder cannot be read.
    pub fn lines(&self, kind: &str) -> Vec<Line> {
        sorted(self.ledgers(kind).iter().flat_map(|path| ledger::read(path)).collect())
    }

    /// How many runs of handlers the consumers have written down, without reading more of their ledgers than that.
    ///
    /// # Panics
    ///
    /// If the folder cannot be read.
    pub fn handled(&self) -> usize {
        let texts = self.ledgers("consumer").into_iter().filter_map(|path| fs::read_to_string(path).ok());
        texts.map(|text| text.matches(" handled ").count()).sum()
    }

    fn ledgers(&self, kind: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).expect("the folder should be readable");
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let is_meant = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(kind) && name.ends_with(".ledger")
        };
        paths.filter(is_meant).collect()
    }

    /// Waits until so many programs of a kind have said that they are ready.
    pub fn ready(&self, kind: &str, count: usize) {
        let is_ready = || self.lines(kind).iter().filter(|line| line.note == Note::Ready).count() >= count;
        until("programs are ready", Duration::from_mins(1), is_ready);
    }

    /// How many entries the stream has.
    pub fn length(&self) -> u64 {
        self.server
            .at(self.server.port())
            .try_cli(&["XLEN", "events"])
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }

    /// How often each work is in the stream.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub fn published(&self) -> redis::RedisResult<HashMap<u64, u64>> {
        let mut counts = HashMap::new();
        self.each_entry("events", |fields| {
            if let Some(number) = number_of(fields) {
                *counts.entry(number).or_default() += 1;
            }
        })?;
        Ok(counts)
    }

    /// The dead letters: the reason of each, and the work's number if it is a work.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub fn letters(&self) -> redis::RedisResult<Vec<(String, Option<u64>)>> {
        let mut letters = Vec::new();
        self.each_entry("{events}:dead", |fields| {
            letters.push((field(fields, "deadreason").unwrap_or_default().to_owned(), number_of(fields)));
        })?;
        Ok(letters)
    }

    fn each_entry(&self, stream: &str, mut look: impl FnMut(&Fields)) -> redis::RedisResult<()> {
        let mut connection = redis::Client::open(self.server.url())?.get_connection()?;
        let mut from = "-".to_owned();
        loop {
            let mut range = redis::cmd("XRANGE");
            range.arg(stream).arg(&from).arg("+").arg("COUNT").arg(5000);
            let entries: Vec<(String, Fields)> = range.query(&mut connection)?;
            let Some((last, _)) = entries.last() else { return Ok(()) };
            from = format!("({last}");
            for (_, fields) in &entries {
                look(fields);
            }
        }
    }

    /// Whether the group has nothing left: neither unread nor leased nor waiting.
    pub fn is_drained(&self) -> bool {
        let pending = self.server.cli(&["XPENDING", "events", GROUP]);
        let lag = self.server.cli(&["XINFO", "GROUPS", "events"]);
        let waits = |key: &str| self.server.cli(&["EXISTS", &format!("{{events}}:group:{GROUP}:{key}")]) != "0";
        pending.starts_with("0 ") && lag.ends_with("lag 0") && !waits("queue") && !waits("leased")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
