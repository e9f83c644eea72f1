//! Stderr, the last resort for what nobody else will tell: one line each, and not more lines than somebody can read.

use std::{
    fmt::{self, Write as _},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::event::{isolate, text_of};

/// How many bytes of a line are written: more than the longest error with all its sources.
const MAX_LINE: usize = 32 * 1024;

/// The limit of this process.
static LIMIT: LineLimit = LineLimit::new();

/// Writes a line to stderr, or counts it if too many were written in this second.
///
/// The foreign `Display` in it may panic, or wait for somebody who writes to stderr: it runs first, isolated, and outside of
/// the lock of stderr.
pub(crate) fn to_stderr(line: &dyn fmt::Display) {
    let LineBudget { withheld, line: admitted } = LIMIT.admit(Instant::now());
    if let Some(count) = withheld {
        write_line(&Withheld(count));
    }
    match admitted {
        Admitted::Write => write_line(line),
        Admitted::WriteNotice => write_line(&format_args!(
            "more than {} lines within a second: further lines are counted and not written",
            LineLimit::LINES
        )),
        Admitted::Withhold => {}
    }
}

/// Writes how many lines have not been written, if any: for the end of a bus, behind which nobody may write again.
pub(crate) fn flush_stderr() {
    if let Some(count) = LIMIT.flush(Instant::now()) {
        write_line(&Withheld(count));
    }
}

fn write_line(line: &dyn fmt::Display) {
    let text = text_of(line, MAX_LINE);
    // `eprintln` panics where stderr is closed.
    let _ = isolate(|| eprintln!("eventbus: {text}"));
}

/// Allows so many lines in a second, and counts those that it withholds.
struct LineLimit(Mutex<Window>);

/// The second that is counted, from the first line in it.
struct Window {
    started: Option<Instant>,
    /// Lines in this second, written or not.
    lines: u64,
    /// Lines that were not written, and not told yet.
    withheld: u64,
    has_flushed: bool,
}

/// What may be written now.
#[derive(PartialEq, Eq, Debug)]
struct LineBudget {
    /// Before the line: how many have been withheld in an earlier second.
    withheld: Option<u64>,
    line: Admitted,
}

#[derive(PartialEq, Eq, Debug)]
enum Admitted {
    Write,
    /// The first line above the limit: instead of it, that there are more.
    WriteNotice,
    Withhold,
}

impl LineLimit {
    /// How many lines are written in a second.
    const LINES: u64 = 20;

    const SECOND: Duration = Duration::from_secs(1);

    const fn new() -> Self {
        Self(Mutex::new(Window { started: None, lines: 0, withheld: 0, has_flushed: false }))
    }

    /// Asks for a line.
    fn admit(&self, now: Instant) -> LineBudget {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let withheld = window.roll(now).then(|| window.take_withheld()).flatten();
        window.lines += 1;
        let line = if window.lines <= Self::LINES {
            Admitted::Write
        } else {
            window.withheld += 1;
            if window.lines == Self::LINES + 1 { Admitted::WriteNotice } else { Admitted::Withhold }
        };
        LineBudget { withheld, line }
    }

    /// Takes the count of what was withheld; once in a second, so that this is no flood either.
    fn flush(&self, now: Instant) -> Option<u64> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        window.roll(now);
        if std::mem::replace(&mut window.has_flushed, true) { None } else { window.take_withheld() }
    }
}

impl Window {
    /// Begins another second if this one is over.
    fn roll(&mut self, now: Instant) -> bool {
        let is_over = self.started.is_none_or(|started| now.saturating_duration_since(started) >= LineLimit::SECOND);
        if is_over {
            (self.started, self.lines, self.has_flushed) = (Some(now), 0, false);
        }
        is_over
    }

    fn take_withheld(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.withheld)).filter(|count| *count > 0)
    }
}

/// Prints as `.. and 1,234 more lines`.
struct Withheld(u64);

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(".. and ")?;
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_char(',')?;
            }
            f.write_char(digit)?;
        }
        f.write_str(if self.0 == 1 { " more line that was not written" } else { " more lines that were not written" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(limit: &LineLimit, now: Instant, lines: u64) -> u64 {
        (0..lines).filter(|_| limit.admit(now).line == Admitted::Write).count() as u64
    }

    #[test]
    fn twenty_lines_a_second_are_written_and_the_rest_is_counted() {
        let (limit, start) = (LineLimit::new(), Instant::now());
        assert_eq!(written(&limit, start, 19), 19);
        assert_eq!(limit.admit(start), LineBudget { withheld: None, line: Admitted::Write });
        assert_eq!(limit.admit(start), LineBudget { withheld: None, line: Admitted::WriteNotice });
        let end = start + Duration::from_millis(999);
        assert_eq!(written(&limit, end, 1233), 0);
        let next = start + LineLimit::SECOND;
        assert_eq!(limit.admit(next), LineBudget { withheld: Some(1234), line: Admitted::Write });
        assert_eq!(limit.admit(next), LineBudget { withheld: None, line: Admitted::Write });
    }

    #[test]
    fn a_second_begins_with_its_first_line() {
        let (limit, start) = (LineLimit::new(), Instant::now());
        written(&limit, start, 20);
        let later = start + Duration::from_mins(1);
        assert_eq!(written(&limit, later, 20), 20);
        assert_eq!(written(&limit, later + Duration::from_millis(900), 1), 0);
    }

    #[test]
    fn what_is_withheld_is_flushed_once_a_second_and_never_lost() {
        let (limit, start) = (LineLimit::new(), Instant::now());
        assert_eq!(limit.flush(start), None);
        let next = start + LineLimit::SECOND;
        written(&limit, next, 25);
        assert_eq!(limit.flush(next), Some(5));
        written(&limit, next, 3);
        assert_eq!(limit.flush(next), None);
        let last = next + LineLimit::SECOND;
        assert_eq!(limit.flush(last), Some(3));
    }

    #[test]
    fn a_clock_that_goes_back_opens_no_other_second() {
        let (limit, earlier) = (LineLimit::new(), Instant::now());
        written(&limit, earlier + Duration::from_mins(1), 20);
        assert_eq!(written(&limit, earlier, 1), 0);
    }

    #[test]
    fn counts_are_written_in_groups_of_three() {
        let text = |count| Withheld(count).to_string();
        assert_eq!(text(1), ".. and 1 more line that was not written");
        assert_eq!(text(999), ".. and 999 more lines that were not written");
        assert_eq!(text(1_234_567), ".. and 1,234,567 more lines that were not written");
    }
}
