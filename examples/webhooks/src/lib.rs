//! Replays GitHub webhook deliveries through the bus: emitted by name, heard by type, by modules that know nothing of each
//! other; and a summary whose numbers add up.
//!
//! ```sh
//! cargo run --release -p webhooks                  # 329 recorded deliveries
//! cargo run --release -p webhooks -- --json
//! cargo run --release -p webhooks -- --input FILE  # JSON lines, plain or gzip
//! cargo run --release -p webhooks -- --catalog asyncapi
//! cargo run --release -p webhooks -- --trace          # what one delivery causes, as a tree
//! cargo run --release -p webhooks -- --workers 4      # published, and handled by workers
//! WEBHOOK_SECRET=.. cargo run --release -p webhooks -- --serve 127.0.0.1:8080
//! cargo run --release -p webhooks --features redis -- --transport redis://127.0.0.1 --role work   # and `--role ingest`
//! ```
//!
//! To read it: `events/` says what can happen, `modules/` who cares, and `run.rs` how a delivery becomes an
//! event and what is counted. With `--workers` the deliveries are published and not emitted: `consumers.rs` makes a group of each
//! module, `queued.rs` publishes and keeps the books. `bounded.rs` is why those do not grow with the deliveries. `serve/` takes
//! deliveries from GitHub itself: `connections.rs` and `body.rs` are for whoever connects, `receive.rs` for what is signed,
//! `metrics.rs` for Prometheus, `health.rs` for whoever watches.
//!
//! `main.rs` says how the program connects to a server. The rest is this library, so that the program with Redis and the one
//! without compile it once.

#![forbid(unsafe_code)]

mod bounded;
mod cli;
mod consumers;
mod events;
mod failing;
mod failures;
mod input;
mod ledger;
mod modules;
mod output;
mod program;
mod progress;
mod queued;
mod run;
mod serve;
mod signals;
mod summary;
mod tables;
mod traced;
mod transport;

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use eventbus::BoxError;
use serde::Serialize;

use crate::{
    cli::{Command, Options, Role},
    input::Input,
    ledger::Ledger,
    program::{Mode, Program, Running},
    serve::{Ending, Exporter, Secret, Service},
    summary::Summary,
    tables::Tables,
};

pub use crate::transport::Connect;

/// Runs the program with the arguments of the process.
pub fn run(connect: Connect) -> ExitCode {
    let options = match Command::parse(env::args_os().skip(1)) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => return print(cli::HELP, ExitCode::SUCCESS),
        Err(error) => return refuse(&error.to_string()),
    };
    let mode = match &*options {
        // A catalog shows everything in one place.
        Options { catalog: Some(_), .. } => Mode::Emit,
        Options { trace: true, .. } => Mode::Trace,
        Options { serve: Some(_), .. } | Options { role: Role::Work, .. } => Mode::Serve,
        Options { queued: true, .. } => Mode::Publish,
        Options { .. } => Mode::Emit,
    };
    match (options.catalog, mode) {
        (None, Mode::Serve) => serve(&options, connect),
        (None, Mode::Trace) => trace(&options),
        (form, _) => match (Program::wire(mode, options.stats, None, None), form) {
            (Ok(program), Some(form)) => print(&program.catalog(form), ExitCode::SUCCESS),
            (Ok(program), None) => replay(program, &options),
            (Err(error), _) => refuse(&error.to_string()),
        },
    }
}

/// Replays a file, and prints the tree of one delivery.
fn trace(options: &Options) -> ExitCode {
    match (Program::wire(Mode::Trace, options.stats, None, None), open_input(options)) {
        (Ok(program), Ok(mut input)) => match program.trace(&mut input) {
            Some(tree) => print(&tree, ExitCode::SUCCESS),
            None => refuse("no delivery has arrived as an event"),
        },
        (Err(error), _) => refuse(&error.to_string()),
        (_, Err(why)) => refuse(&why),
    }
}

fn open_input(options: &Options) -> Result<Input, String> {
    let path = options.input.clone().unwrap_or_else(recorded_deliveries);
    Input::open(&path).map_err(|error| {
        let path = path.display();
        format!("cannot read `{path}`: {error}; `--input FILE` names a file of JSON lines")
    })
}

/// Replays a file.
fn replay(program: Program, options: &Options) -> ExitCode {
    let mut input = match open_input(options) {
        Ok(input) => input,
        Err(why) => return refuse(&why),
    };
    let summary = if options.queued {
        match program.replay_queued(input, &options.settings) {
            Ok(summary) => summary,
            Err(error) => return refuse(&error.to_string()),
        }
    } else {
        program.replay(&mut input)
    };
    let status = if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) };
    print(&render(&summary, options), status)
}

/// Takes deliveries from outside, handles them, or both.
fn serve(options: &Options, connect: Connect) -> ExitCode {
    match end_of_service(options, connect) {
        Ok((Ending { ledger, is_clean }, stats)) => {
            let code = if is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) };
            let books = match stats {
                stats if options.json => json(&Books { ledger, stats }),
                Some(stats) => format!("{stats}{ledger}"),
                None => ledger.to_string(),
            };
            print(&books, code)
        }
        Err(error) => refuse(&error.to_string()),
    }
}

/// What a service prints at its end.
#[derive(Serialize)]
struct Books {
    #[serde(flatten)]
    ledger: Ledger,
    /// Absent without `--stats`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Tables>,
}

fn end_of_service(options: &Options, connect: Connect) -> Result<(Ending, Option<Tables>), BoxError> {
    // Only when it is at work: who reads it may send deliveries, and signals.
    let tell = |line: &str| _ = print(&format!("{line}\n"), ExitCode::SUCCESS);
    let running = Running::begin()?;
    let connecting = options.transport.clone().map(|url| connect(url.into_text()));
    let transport = connecting.map(|connecting| running.wait(connecting)).transpose()?;
    // Who only works is not asked for metrics.
    let exporter = options.serve.map(|_| Exporter::new()).transpose()?;
    let program = Program::wire(Mode::Serve, options.stats, transport, exporter.as_ref())?;
    let Some((addr, exporter)) = options.serve.zip(exporter) else {
        let ending = program.work(&running, &options.settings, || tell("working"))?;
        return Ok((ending, program.tables()));
    };
    let secret = env::var_os(Secret::VARIABLE).and_then(|secret| Secret::new(secret.as_encoded_bytes()));
    let variable = Secret::VARIABLE;
    let secret =
        secret.ok_or_else(|| format!("`--serve` needs the secret of the webhook in the variable {variable}"))?;
    let (limits, shutdown) = (options.limits.clone(), options.settings.shutdown);
    let service = Service { addr, secret, limits, shutdown, exporter };
    let handles = options.role == Role::All;
    let listening = |addr| tell(&format!("listening on {addr}"));
    let ending = program.serve(&running, service, handles.then_some(&options.settings), listening)?;
    Ok((ending, program.tables()))
}

fn recorded_deliveries() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/github-webhooks.jsonl.gz")
}

fn render(summary: &Summary, options: &Options) -> String {
    if options.json { json(summary) } else { summary.to_string() }
}

fn json(books: &impl Serialize) -> String {
    serde_json::to_string_pretty(books).expect("the books have only text keys and finite numbers") + "\n"
}

/// Prints to stdout. A reader that has left, such as `head`, wants no more and no error.
fn print(text: &str, status: ExitCode) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => refuse(&format!("cannot write to stdout: {error}")),
        _ => status,
    }
}

/// Says on stderr why the program did not do what it was asked.
fn refuse(why: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "webhooks: {why}");
    ExitCode::from(2)
}
