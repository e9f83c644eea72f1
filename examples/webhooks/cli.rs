//! The command line.

use std::{ffi::OsString, fmt, path::PathBuf};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Replays GitHub webhook deliveries through a typed event bus, and says what became of them.

Usage: webhooks [--json] [--input FILE]
       webhooks --catalog asyncapi|markdown|map

  --input FILE  deliveries as JSON lines, plain or gzip: {\"event\": \"issues\", \"name\": \"issues.opened\", \"payload\": {..}}
                (without it: the 329 recorded deliveries that come with the example)
  --json        print the summary as one JSON object
  --catalog ..  print what the program knows, its events and who listens to them, and stop: as AsyncAPI 3.0 (JSON), as
                Markdown, or as a map for Mermaid
  --help        print this and stop

Progress goes to stderr, the summary to stdout. Exit status: 0 if every delivery went well, 1 if at least one failed,
2 if the command line is wrong or the input cannot be opened.
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Run(Options),
}

#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) json: bool,
    pub(crate) input: Option<PathBuf>,
    /// Print this instead of running.
    pub(crate) catalog: Option<CatalogForm>,
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
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(argument) => write!(f, "`{}` is not an option here", argument.display())?,
            Self::NoFile => f.write_str("`--input` needs a file after it")?,
            Self::TwoFiles => f.write_str("`--input` can be given once")?,
            Self::NoForm => f.write_str("`--catalog` needs `asyncapi`, `markdown` or `map` after it")?,
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
    /// An unknown argument, `--input` without a file or more than once, `--catalog` without a form.
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
                Some("--catalog") => {
                    let form = arguments.next();
                    let form = form.as_deref().and_then(|form| form.to_str()).and_then(CatalogForm::parse);
                    options.catalog = Some(form.ok_or(UsageError::NoForm)?);
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
        Ok(Self::Run(options))
    }
}
