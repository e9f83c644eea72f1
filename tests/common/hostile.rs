//! Errors that harm whoever prints them.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How many bytes the largest texts here have.
pub(crate) const TEN_MEGABYTES: usize = 10_000_000;

/// How many bytes of one text may be printed, and some more for what is around it.
pub(crate) const MOST_OF_A_TEXT: usize = 1024 + 256;

/// How many bytes of an error with all its sources may be printed.
pub(crate) const MOST_OF_A_CHAIN: usize = 20 * MOST_OF_A_TEXT;

/// An error that is its own source. Panics when it is asked on and on.
#[derive(Default)]
pub(crate) struct OwnSource(AtomicUsize);

impl Error for OwnSource {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        assert!(self.0.fetch_add(1, Ordering::Relaxed) < 10_000, "boom: asked for its source without end");
        Some(self)
    }
}

impl fmt::Display for OwnSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("round")
    }
}

impl fmt::Debug for OwnSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnSource")
    }
}

/// An error whose text is endless; counts the bytes that it has written.
#[derive(Clone, Default)]
pub(crate) struct Huge {
    pub(crate) written: Arc<AtomicUsize>,
    /// Whether it goes on when its writer has refused.
    pub(crate) stubborn: bool,
}

impl Error for Huge {}

impl fmt::Display for Huge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..TEN_MEGABYTES / 1000 {
            let written = f.write_str(&"x".repeat(1000));
            if self.stubborn {
                continue;
            }
            written?;
            self.written.fetch_add(1000, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl fmt::Debug for Huge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An error whose `Display` and `Debug` panic.
pub(crate) struct Unprintable;

impl Error for Unprintable {}

impl fmt::Display for Unprintable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as far as this")?;
        panic!("boom of Display")
    }
}

impl fmt::Debug for Unprintable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("boom of Debug")
    }
}

/// An error whose `source()` panics.
#[derive(Debug)]
pub(crate) struct BadSource;

impl Error for BadSource {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic!("boom of source")
    }
}

impl fmt::Display for BadSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the error itself")
    }
}

/// Makes one of each.
pub(crate) const EACH: [fn() -> Box<dyn Error + Send + Sync>; 5] = [
    || Box::new(OwnSource::default()),
    || Box::new(Huge::default()),
    || Box::new(Huge { stubborn: true, ..Huge::default() }),
    || Box::new(Unprintable),
    || Box::new(BadSource),
];

/// Prints what has such an error in it, all ways, and asks for its sources: all of it must be short and end.
pub(crate) fn check(error: &(impl fmt::Display + fmt::Debug)) {
    for text in [error.to_string(), format!("{error:?}"), format!("{error:#?}")] {
        assert!(text.len() < MOST_OF_A_CHAIN, "{} bytes: {}", text.len(), &text[..200]);
    }
}
