//! Errors and names in messages: bounded in length, on one line, and isolated from the code that writes them.

use std::{
    error::Error,
    fmt::{self, Write as _},
};

use crate::event::{CUT, OneLine, isolate, text_of};

/// How many bytes of one error's text are printed.
pub(crate) const MAX_TEXT: usize = 1024;

/// How many sources of an error are printed.
pub(crate) const MAX_SOURCES: usize = 16;

/// How many bytes of a name are printed: as many as an event's name has at most.
pub(crate) const MAX_NAME: usize = 128;

/// The beginning of a text from outside: at most [`MAX_NAME`] bytes, on one line. `Debug` quotes it.
pub(crate) struct Excerpt<'a>(pub(crate) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = &self.0[..self.0.floor_char_boundary(MAX_NAME)];
        OneLine(f).write_str(kept)?;
        f.write_str(if kept.len() < self.0.len() { CUT } else { "" })
    }
}

impl fmt::Debug for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = &self.0[..self.0.floor_char_boundary(MAX_NAME)];
        write!(f, "{kept:?}{}", if kept.len() < self.0.len() { CUT } else { "" })
    }
}

/// An error's text: bounded in length and in the number of its sources, on one line, and isolated.
///
/// `Debug` shows the same text, quoted. The `Debug` of foreign errors is never called: nothing would bound it.
pub(crate) struct ErrorText<'e> {
    error: &'e (dyn Error + 'static),
    sources: usize,
}

impl<'e> ErrorText<'e> {
    /// The error and what caused it, joined by colons.
    pub(crate) fn with_sources(error: &'e (dyn Error + 'static)) -> Self {
        Self { error, sources: MAX_SOURCES }
    }

    /// The error alone, where its sources are reached by `source()`.
    pub(crate) fn alone(error: &'e (dyn Error + 'static)) -> Self {
        Self { error, sources: 0 }
    }
}

impl fmt::Display for ErrorText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text_of(&self.error, MAX_TEXT))?;
        let mut error = self.error;
        for printed in 0..self.sources {
            error = match isolate(|| error.source()) {
                Ok(Some(source)) => source,
                Ok(None) => return Ok(()),
                Err(message) => return write!(f, ": (asking for its source panicked: {})", Excerpt(&message)),
            };
            write!(f, ": {}", text_of(&error, MAX_TEXT))?;
            if printed + 1 == self.sources && !matches!(isolate(|| error.source()), Ok(None)) {
                write!(f, ": {CUT}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ErrorText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

/// What caused an error, for the `source()` of an error that shows its text. A panic of the foreign `source()` is none.
pub(crate) fn source_of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    isolate(|| error.source()).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_on_one_line() {
        assert_eq!(Excerpt("a\nb").to_string(), "a\\nb");
        assert_eq!(Excerpt(&"x".repeat(MAX_NAME)).to_string().len(), MAX_NAME);
        assert!(Excerpt(&"x".repeat(MAX_NAME + 1)).to_string().ends_with("x.."));
    }
}
