//! Ledgers: files of lines, each a time and what happened.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A line of a ledger.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it was written.
    pub at: SystemTime,
    /// What happened.
    pub note: Note,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// The program is ready.
    Ready,
    /// A work was acknowledged.
    Acked(u64),
    /// A work was sent, and not answered.
    Unknown(u64),
    /// A work was refused.
    Refused(u64),
    /// A call took so many milliseconds.
    Took(u64),
    /// A handler began.
    Began(Run),
    /// A handler is done.
    Handled(Run),
    /// So many works were trimmed before the group has read them; `None` if nobody can tell.
    Trimmed(Option<u64>),
    /// What the transport could not do.
    Error(String),
    /// The program has shut down, and how.
    Ended(String),
}

/// A run of a handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// The process.
    pub process: u32,
    /// The work's number.
    pub number: u64,
    /// The work's key.
    pub key: u64,
    /// The number within the key.
    pub sequence: u64,
    /// The attempt, from 1.
    pub attempt: u32,
}

impl Note {
    fn text(&self) -> String {
        let run = |run: &Run| format!("{} {} {} {} {}", run.process, run.number, run.key, run.sequence, run.attempt);
        match self {
            Self::Ready => "ready".to_owned(),
            Self::Acked(number) => format!("acked {number}"),
            Self::Unknown(number) => format!("unknown {number}"),
            Self::Refused(number) => format!("refused {number}"),
            Self::Took(millis) => format!("took {millis}"),
            Self::Began(one) => format!("began {}", run(one)),
            Self::Handled(one) => format!("handled {}", run(one)),
            Self::Trimmed(count) => {
                format!("trimmed {}", count.map_or("unknown".to_owned(), |count| count.to_string()))
            }
            Self::Error(text) => format!("error {}", text.replace('\n', " ")),
            Self::Ended(text) => format!("ended {}", text.replace('\n', " ")),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
        let number = || rest.parse().ok();
        let run = || {
            let mut numbers = rest.split(' ').map(|number| number.parse::<u64>().ok());
            let mut next = || numbers.next().flatten();
            Some(Run {
                process: u32::try_from(next()?).ok()?,
                number: next()?,
                key: next()?,
                sequence: next()?,
                attempt: u32::try_from(next()?).ok()?,
            })
        };
        Some(match kind {
            "ready" => Self::Ready,
            "acked" => Self::Acked(number()?),
            "unknown" => Self::Unknown(number()?),
            "refused" => Self::Refused(number()?),
            "took" => Self::Took(number()?),
            "began" => Self::Began(run()?),
            "handled" => Self::Handled(run()?),
            "trimmed" => Self::Trimmed(rest.parse().ok()),
            "error" => Self::Error(rest.to_owned()),
            "ended" => Self::Ended(rest.to_owned()),
            _ => return None,
        })
    }
}

/// A ledger that is written.
#[derive(Debug)]
pub struct Ledger(File);

impl Ledger {
    /// Opens a ledger, at its end.
    ///
    /// # Panics
    ///
    /// If the file cannot be opened.
    pub fn open(path: &Path) -> Self {
        Self(OpenOptions::new().create(true).append(true).open(path).expect("the ledger should be writable"))
    }

    /// Writes a line.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn add(&self, note: &Note) {
        self.add_all([note]);
    }

    /// Writes lines at once.
    ///
    /// # Panics
    ///
    /// If the file cannot be written.
    pub fn add_all<'n>(&self, notes: impl IntoIterator<Item = &'n Note>) {
        let micros = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let lines: Vec<_> = notes.into_iter().map(|note| format!("{micros} {}\n", note.text())).collect();
        // To the system at once: what is kept in this process would be lost with it.
        (&self.0).write_all(lines.concat().as_bytes()).expect("the ledger should be writable");
    }
}

/// Reads a ledger; without a last line that is still being written.
///
/// # Panics
///
/// If a line is of no known form.
pub fn read(path: &Path) -> Vec<Line> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |line: &str| {
        let (micros, note) = line.split_once(' ')?;
        Some(Line { at: UNIX_EPOCH + Duration::from_micros(micros.parse().ok()?), note: Note::parse(note)? })
    };
    whole.lines().map(|line| parse(line).unwrap_or_else(|| panic!("not a line of a ledger: `{line}`"))).collect()
}
