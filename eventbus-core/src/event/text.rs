//! Foreign text: kept on one line, bounded in length, and isolated from the code that writes it.

use std::fmt::{self, Write as _};

use super::isolate;

/// What stands where text was cut off.
pub(crate) const CUT: &str = "..";

/// Writes control characters, line ends among them, escaped.
pub(crate) struct OneLine<'a, W>(pub(crate) &'a mut W);

impl<W: fmt::Write> fmt::Write for OneLine<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            match part.char_indices().next_back() {
                Some((at, control)) if control.is_control() => {
                    self.0.write_str(&part[..at])?;
                    write!(self.0, "{}", control.escape_default())?;
                }
                _ => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}

/// A text that takes a limited number of bytes. Then it refuses more, which ends the `Display` that writes.
struct Bounded {
    text: String,
    limit: usize,
    is_cut: bool,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_cut {
            return Err(fmt::Error);
        }
        let room = self.limit - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(&text[..text.floor_char_boundary(room)]);
        self.text.push_str(CUT);
        self.is_cut = true;
        Err(fmt::Error)
    }
}

/// A bounded line. Once it is full, it refuses before it looks at the text: a `Display` may go on and on.
struct Line<'b>(&'b mut Bounded);

impl fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.is_cut {
            return Err(fmt::Error);
        }
        OneLine(&mut *self.0).write_str(text)
    }
}

/// What `value` prints: at most `limit` bytes, on one line. If its `Display` panics, what it wrote until then, and that it
/// panicked.
pub(crate) fn text_of(value: &dyn fmt::Display, limit: usize) -> String {
    /// How many bytes of a panic's message are printed.
    const MAX_PANIC: usize = 128;

    let mut bounded = Bounded { text: String::new(), limit, is_cut: false };
    // A `Display` that fails, or was cut off, leaves what it wrote until then.
    let printed = isolate(|| _ = write!(Line(&mut bounded), "{value}"));
    let mut text = bounded.text;
    if let Err(message) = printed {
        let _ = write!(text, "(printing it panicked: {})", &message[..message.floor_char_boundary(MAX_PANIC)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_at_most_its_limit_and_the_mark_of_the_cut() {
        assert_eq!(text_of(&"four", 4), "four");
        assert_eq!(text_of(&"five!", 4), "five..");
        assert_eq!(text_of(&"a\nb", 9), "a\\nb");
        assert_eq!(text_of(&"\u{e4}\u{e4}", 3), "\u{e4}..");
    }
}
