//! The command line.

use std::{ffi::OsString, fmt, net::SocketAddr, time::Duration};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
A small shop as an HTTP service, whose modules talk through an event bus.

Usage: web_service [--addr ADDR] [--deadline-ms N] [--shutdown-ms N] [--mail-relay ADDR]

  --addr ADDR        where to listen, 127.0.0.1:8080 unless stated; with port 0 the system chooses one
  --deadline-ms N    how long a request may take, 2000 unless stated
  --shutdown-ms N    how long to wait at the end for what is under way, 10000 unless stated
  --mail-relay ADDR  where mails go: a line of JSON each, answered by the line `ok`; without it they go to the log
  --help             print this and stop

It sells `book` and `lamp`, and for trying things out
  slow       the payment provider never answers
  stuck      the warehouse never answers
  declined   the card is declined
  outage     the payment provider cannot be reached

It prints `listening on ADDR` to stdout, and logs to stderr. SIGTERM and SIGINT end it: first the HTTP intake, then, when
all that is under way has ended, the program. A second signal ends the waiting. Exit status: 0 if all has ended, 1 if
something was still running, 2 if the command line is wrong or the address cannot be had.
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Serve(Options),
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) addr: SocketAddr,
    pub(crate) deadline: Duration,
    pub(crate) shutdown: Duration,
    pub(crate) mail_relay: Option<SocketAddr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 8080)),
            deadline: Duration::from_secs(2),
            shutdown: Duration::from_secs(10),
            mail_relay: None,
        }
    }
}

/// A command line that says something else than [`HELP`].
#[derive(Debug)]
pub(crate) enum UsageError {
    Unknown(String),
    NoValue(&'static str),
    BadValue { option: &'static str, value: String, wanted: &'static str },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(argument) => write!(f, "`{argument}` is not an option here")?,
            Self::NoValue(option) => write!(f, "`{option}` needs a value after it")?,
            Self::BadValue { option, value, wanted } => write!(f, "`{option}` needs {wanted}, not `{value}`")?,
        }
        f.write_str("; `--help` shows what is possible")
    }
}

impl std::error::Error for UsageError {}

impl Command {
    /// Reads the arguments after the program's name. Of an option that is given twice, the last counts.
    ///
    /// # Errors
    ///
    /// An unknown argument, or a value that is missing or malformed.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut options = Options::default();
        let mut arguments = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
        while let Some(argument) = arguments.next() {
            let mut value = |option| arguments.next().ok_or(UsageError::NoValue(option));
            match argument.as_str() {
                "--help" | "-h" => return Ok(Self::Help),
                "--addr" => options.addr = address("--addr", value("--addr")?)?,
                "--deadline-ms" => options.deadline = millis("--deadline-ms", value("--deadline-ms")?)?,
                "--shutdown-ms" => options.shutdown = millis("--shutdown-ms", value("--shutdown-ms")?)?,
                "--mail-relay" => options.mail_relay = Some(address("--mail-relay", value("--mail-relay")?)?),
                _ => return Err(UsageError::Unknown(argument)),
            }
        }
        Ok(Self::Serve(options))
    }
}

fn address(option: &'static str, value: String) -> Result<SocketAddr, UsageError> {
    let wanted = "an address such as 127.0.0.1:8080";
    value.parse().map_err(|_| UsageError::BadValue { option, value, wanted })
}

fn millis(option: &'static str, value: String) -> Result<Duration, UsageError> {
    // A `u32` of milliseconds is 49 days, and cannot carry a deadline past the end of the clock.
    let number = value.parse::<u32>();
    number.map(|millis| Duration::from_millis(millis.into())).map_err(|_| UsageError::BadValue {
        option,
        value,
        wanted: "milliseconds",
    })
}
