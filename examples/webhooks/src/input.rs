//! Reading deliveries: JSON lines, plain or gzip, and what can be wrong with them.

use std::{
    borrow::Cow,
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// GitHub caps deliveries at 25 MB; a longer line is not one.
pub(crate) const LARGEST_DELIVERY: usize = 25 << 20;

/// A delivery, its payload not yet decoded: what type it has depends on the kind.
#[derive(Debug)]
pub(crate) struct Delivery<'a> {
    /// The kind, as in the `X-GitHub-Event` header.
    pub(crate) event: Cow<'a, str>,
    /// The kind, and the action where there is one.
    pub(crate) name: Cow<'a, str>,
    pub(crate) payload: &'a RawValue,
}

/// A line, as far as it can be read without a word of what is in it.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
    #[serde(borrow)]
    name: &'a RawValue,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// A string of JSON, without escapes or with.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What is wrong with a line.
#[derive(Debug)]
pub(crate) enum Damage {
    NotUtf8(std::str::Utf8Error),
    NoObject,
    NotADelivery(serde_json::Error),
    /// A field that is no string.
    NoText(&'static str),
    TooLong,
    /// The file ends or breaks here, and nothing after it can be read.
    Unreadable(io::Error),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8(error) => write!(f, "not UTF-8: {error}"),
            Self::NoObject => f.write_str("not a delivery: expected an object with `event`, `name` and `payload`"),
            Self::NoText(field) => write!(f, "not a delivery: `{field}`: expected a string"),
            // The line of the message would always be 1: a delivery is one line.
            Self::NotADelivery(error) => {
                let message = error.to_string();
                let place = format!(" at line {} column {}", error.line(), error.column());
                let message = message.strip_suffix(place.as_str()).unwrap_or(&message);
                write!(f, "not a delivery: {message}, at column {}", error.column())
            }
            Self::TooLong => write!(f, "longer than {} MiB", LARGEST_DELIVERY >> 20),
            Self::Unreadable(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the gzip data ends in the middle: the file is truncated, what came before was used")
            }
            Self::Unreadable(error) => write!(f, "cannot be read on from here: {error}"),
        }
    }
}

impl std::error::Error for Damage {}

/// A file of deliveries.
pub(crate) struct Input {
    reader: Box<dyn BufRead + Send>,
    number: u64,
    broken: bool,
}

impl Input {
    /// Opens a file, and looks at its first bytes to see whether it is gzip.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or not even its first bytes be read.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
        let gzip = file.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn BufRead + Send> =
            if gzip { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
        Ok(Self { reader, number: 0, broken: false })
    }

    /// Reads the next line that is not blank into `buffer`: its number, and whether it could be read.
    pub(crate) fn next_line(&mut self, buffer: &mut Vec<u8>) -> Option<(u64, Result<(), Damage>)> {
        while !self.broken {
            buffer.clear();
            self.number += 1;
            match read_line(&mut self.reader, buffer) {
                Ok(0) => return None,
                Ok(_) if buffer.trim_ascii().is_empty() => {}
                Ok(length) if length > LARGEST_DELIVERY => return Some((self.number, Err(Damage::TooLong))),
                Ok(_) => return Some((self.number, Ok(()))),
                Err(error) => {
                    self.broken = true;
                    return Some((self.number, Err(Damage::Unreadable(error))));
                }
            }
        }
        None
    }
}

/// Reads a line and tells its length. Of a line that is too long, `buffer` holds only the start.
fn read_line(reader: &mut dyn BufRead, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut length = reader.take(LARGEST_DELIVERY as u64 + 1).read_until(b'\n', buffer)?;
    if length > LARGEST_DELIVERY && !buffer.ends_with(b"\n") {
        length += reader.skip_until(b'\n')?;
    }
    Ok(length)
}

impl<'a> Delivery<'a> {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// The line is not UTF-8, not JSON, or not a delivery.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, Damage> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let line = std::str::from_utf8(line.trim_ascii_end()).map_err(Damage::NotUtf8)?;
        // An array would be read as well, by position; and of what is neither, the error would show it.
        if !line.trim_ascii_start().starts_with('{') {
            return Err(Damage::NoObject);
        }
        let line: Line<'a> = serde_json::from_str(line).map_err(Damage::NotADelivery)?;
        let text = |field, value: &'a RawValue| {
            let text: Result<Text<'a>, _> = serde_json::from_str(value.get());
            text.map(|Text(text)| text).map_err(|_| Damage::NoText(field))
        };
        Ok(Self { event: text("event", line.event)?, name: text("name", line.name)?, payload: line.payload })
    }
}
