//! The command line.

use std::{ffi::OsString, fmt, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{consumers::Settings, serve::Limits, transport::Url};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Replays GitHub webhook deliveries through a typed event bus, and says what became of them; or takes them from GitHub.

Usage: webhooks [--json] [--stats] [--input FILE] [--workers N] [..]
       WEBHOOK_SECRET=.. webhooks --serve ADDR [--json] [--workers N] [..]
       WEBHOOK_SECRET=.. webhooks --serve ADDR --transport URL --role ingest
       webhooks --transport URL --role work [--json] [--workers N] [..]
       webhooks --catalog asyncapi|markdown|map
       webhooks --trace [--input FILE]

  --input FILE  deliveries as JSON lines, plain or gzip: {\"event\": \"issues\", \"name\": \"issues.opened\", \"payload\": {..}}
                (without it: the 329 recorded deliveries that come with the example)
  --workers N   publish the deliveries instead of emitting them: each module is a group of consumers, with N workers
  --serve ADDR  take deliveries by HTTP, POST on any path, signed with the secret in the variable WEBHOOK_SECRET; print
                `listening on ADDR`, with the port that the system has chosen if it was 0, and at the end the ledger
  --transport URL  (--serve, --role work) where deliveries wait: redis://[user:password@]host[:port]; in this process unless stated
  --role ..     ingest: take deliveries in, and handle none; work: handle what others take in, until a signal comes
  --json        print the summary as one JSON object
  --stats       count emissions, calls and their times, and print them as a table, too: of each bus by event, listener and group
  --catalog ..  print what the program knows, its events and who listens to them, and stop: as AsyncAPI 3.1 (JSON), as
                Markdown, or as a map for Mermaid
  --trace       print what the delivery has caused that has caused the most, as a tree: its event, the listeners with their times,
                what those have emitted, and so on; and stop
  --help        print this and stop

Of what is published (--workers, --serve):
  --queue N        how many deliveries may wait for each module, 1024 unless stated
  --per-minute N   how many deliveries each module begins to handle in a minute, any number unless stated
  --shutdown-ms N  how long the end may take, 10000 unless stated

Of the server (--serve), so that nobody needs more of the machine than this:
  --connections N  how many connections may be open, 900 unless stated; further ones wait until one has ended
  --header-ms N    how long a connection may be silent or send a header that is not whole, at its start and after each answer,
                   10000 unless stated
  --body-ms N      how long a body may take to arrive, 10000 unless stated
  --bodies-mib N   how much all bodies may hold together until they are verified and published, 64 unless stated, of which a
                   quarter is for bodies of at most 1 MiB; a body that finds no room is answered 503 with Retry-After
  --remember-s N   for how long deliveries are remembered by their GUID, 3600 seconds unless stated: one that comes again is
                   answered 202 with `duplicate`, and not handled again

With --serve, GET /metrics is answered with what the program counts and measures, for Prometheus: names of events and modules, nothing
of a delivery.

With --serve, GET /healthz is answered 200, or 503 if a module's deliveries are not read any more or the server of --transport
is not connected.

SIGINT and SIGTERM end it: nothing more is taken in, what was taken in is handled, and the ledger is printed; a second one
ends the waiting. Progress goes to stderr, the summary to stdout. Exit status: 0 if every delivery went well, 1 if at least
one failed, 2 if the command line is wrong or the input cannot be opened. With --serve: 0 if everything that was taken in
has been dealt with, 1 if the time was not enough, 2 if it cannot start.
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Run(Box<Options>),
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Options {
    pub(crate) json: bool,
    pub(crate) stats: bool,
    pub(crate) input: Option<PathBuf>,
    /// Print this instead of running.
    pub(crate) catalog: Option<CatalogForm>,
    /// Print the tree of a delivery instead of the summary.
    pub(crate) trace: bool,
    /// Publish instead of emitting.
    pub(crate) queued: bool,
    pub(crate) settings: Settings,
    /// Take deliveries here instead of replaying a file.
    pub(crate) serve: Option<SocketAddr>,
    pub(crate) limits: Limits,
    pub(crate) transport: Option<Url>,
    pub(crate) role: Role,
}

/// What a process does with deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// It takes them in, and handles them.
    #[default]
    All,
    Ingest,
    Work,
}

impl Role {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "ingest" => Some(Self::Ingest),
            "work" => Some(Self::Work),
            _ => None,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let shutdown = Duration::from_secs(10);
        let settings = Settings { workers: 4, queue: None, is_shared: false, per_minute: None, shutdown };
        Self {
            json: false,
            stats: false,
            input: None,
            catalog: None,
            trace: false,
            queued: false,
            settings,
            serve: None,
            limits: Limits::default(),
            transport: None,
            role: Role::All,
        }
    }
}

/// How the catalog is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CatalogForm {
    AsyncApi,
    Markdown,
    Map,
}

impl CatalogForm {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "asyncapi" => Some(Self::AsyncApi),
            "markdown" => Some(Self::Markdown),
            "map" => Some(Self::Map),
            _ => None,
        }
    }
}

/// A command line that says something else than [`HELP`].
#[derive(Debug)]
pub(crate) enum UsageError {
    Unknown(OsString),
    NoFile,
    TwoFiles,
    NoForm,
    NoNumber(&'static str),
    NoAddress,
    FileAndServe,
    NoUrl,
    NoRole,
    RoleAlone(Role),
    TransportAlone,
    QueueElsewhere,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(argument) => write!(f, "`{}` is not an option here", argument.display())?,
            Self::NoFile => f.write_str("`--input` needs a file after it")?,
            Self::TwoFiles => f.write_str("`--input` can be given once")?,
            Self::NoForm => f.write_str("`--catalog` needs `asyncapi`, `markdown` or `map` after it")?,
            Self::NoNumber(option) => write!(f, "`{option}` needs a number after it, from 1 to 65535")?,
            Self::NoAddress => f.write_str("`--serve` needs an address such as 127.0.0.1:8080 after it")?,
            Self::NoUrl => f.write_str("`--transport` needs an address such as redis://127.0.0.1 after it")?,
            Self::NoRole => f.write_str("`--role` needs `ingest` or `work` after it")?,
            Self::RoleAlone(Role::Work) => {
                f.write_str("`--role work` needs `--transport`, and no `--serve` or `--input`")?;
            }
            Self::RoleAlone(_) => f.write_str("`--role ingest` needs `--serve` and `--transport`")?,
            Self::TransportAlone => f.write_str("`--transport` is for `--serve` and `--role work`")?,
            Self::QueueElsewhere => {
                f.write_str("`--queue` is for what waits in this process, and not with `--transport`")?;
            }
            Self::FileAndServe => f.write_str("`--serve` takes its deliveries by HTTP, and none from `--input`")?,
        }
        f.write_str("; `--help` shows what is possible")
    }
}

impl std::error::Error for UsageError {}

impl Command {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    ///
    /// An unknown argument, a value that is missing or malformed, `--input` more than once or beside `--serve`.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let mut options = Options::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let file = match argument.to_str() {
                Some("--help" | "-h") => return Ok(Self::Help),
                Some("--json") => {
                    options.json = true;
                    continue;
                }
                Some("--trace") => {
                    options.trace = true;
                    continue;
                }
                Some("--stats") => {
                    options.stats = true;
                    continue;
                }
                Some("--catalog") => {
                    let form = arguments.next();
                    let form = form.as_deref().and_then(|form| form.to_str()).and_then(CatalogForm::parse);
                    options.catalog = Some(form.ok_or(UsageError::NoForm)?);
                    continue;
                }
                Some("--transport") => {
                    let url = arguments.next().filter(|url| !url.is_empty());
                    options.transport =
                        Some(Url::new(url.as_deref().and_then(|url| url.to_str()).ok_or(UsageError::NoUrl)?));
                    continue;
                }
                Some("--role") => {
                    let role = arguments.next();
                    let role = role.as_deref().and_then(|role| role.to_str()).and_then(Role::parse);
                    options.role = role.ok_or(UsageError::NoRole)?;
                    continue;
                }
                Some("--serve") => {
                    let addr = arguments.next().and_then(|addr| addr.to_str()?.parse().ok());
                    options.serve = Some(addr.ok_or(UsageError::NoAddress)?);
                    continue;
                }
                Some(option) if let Some(number) = number(option) => {
                    options.set(number, arguments.next())?;
                    continue;
                }
                Some("--input") => arguments.next().filter(|file| !file.is_empty()).ok_or(UsageError::NoFile)?,
                Some(text) => match text.strip_prefix("--input=") {
                    Some("") => return Err(UsageError::NoFile),
                    Some(file) => file.into(),
                    None => return Err(UsageError::Unknown(argument)),
                },
                None => return Err(UsageError::Unknown(argument)),
            };
            if options.input.replace(file.into()).is_some() {
                return Err(UsageError::TwoFiles);
            }
        }
        options.check()?;
        Ok(Self::Run(Box::new(options)))
    }
}

/// An option with a number after it.
type Number = (&'static str, fn(&mut Options, u16));

/// All of them.
const NUMBERS: [Number; 9] = [
    ("--workers", |options, number| {
        options.settings.workers = number.into();
        options.queued = true;
    }),
    ("--queue", |options, number| options.settings.queue = Some(number.into())),
    ("--per-minute", |options, number| options.settings.per_minute = Some(number.into())),
    ("--shutdown-ms", |options, number| options.settings.shutdown = millis(number)),
    ("--connections", |options, number| options.limits.connections = number.into()),
    ("--header-ms", |options, number| options.limits.header = millis(number)),
    ("--body-ms", |options, number| options.limits.body = millis(number)),
    ("--bodies-mib", |options, number| options.limits.held_bytes = usize::from(number) << 20),
    ("--remember-s", |options, number| options.limits.remembered_for = Duration::from_secs(number.into())),
];

fn number(option: &str) -> Option<Number> {
    NUMBERS.into_iter().find(|(name, _)| *name == option)
}

fn millis(number: u16) -> Duration {
    Duration::from_millis(number.into())
}

impl Options {
    /// Whether the options go together.
    fn check(&mut self) -> Result<(), UsageError> {
        let (serves, has_file, is_shared) = (self.serve.is_some(), self.input.is_some(), self.transport.is_some());
        self.settings.is_shared = is_shared;
        match self.role {
            Role::Work if !is_shared || serves || has_file => Err(UsageError::RoleAlone(Role::Work)),
            Role::Ingest if !is_shared || !serves => Err(UsageError::RoleAlone(Role::Ingest)),
            _ if serves && has_file => Err(UsageError::FileAndServe),
            Role::All if is_shared && !serves => Err(UsageError::TransportAlone),
            _ if is_shared && self.settings.queue.is_some() => Err(UsageError::QueueElsewhere),
            _ => Ok(()),
        }
    }

    fn set(&mut self, (name, set): Number, value: Option<OsString>) -> Result<(), UsageError> {
        // Of 16 bits: nobody has more workers, and a minute of milliseconds fits.
        let number = value.and_then(|value| value.to_str()?.parse::<u16>().ok()).filter(|number| *number > 0);
        set(self, number.ok_or(UsageError::NoNumber(name))?);
        Ok(())
    }
}
