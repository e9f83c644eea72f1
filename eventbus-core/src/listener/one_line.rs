//! Foreign text, kept on one line.

use std::fmt;

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
