//! Replays GitHub webhook deliveries through the bus: emitted by name, heard by type, by modules that know nothing of each
//! other; and a summary whose numbers add up.
//!
//! ```sh
//! cargo run --release -p webhooks                  # 329 recorded deliveries
//! cargo run --release -p webhooks -- --json
//! cargo run --release -p webhooks -- --input FILE  # JSON lines, plain or gzip
//! cargo run --release -p webhooks -- --catalog asyncapi
//! cargo run --release -p webhooks -- --workers 4      # published, and handled by workers
//! WEBHOOK_SECRET=.. cargo run --release -p webhooks -- --serve 127.0.0.1:8080
//! ```
//!
//! To read it: `events/` says what can happen, `modules/` who cares, and `run.rs` how a delivery becomes an
//! event and what is counted. With `--workers` the deliveries are published and not emitted: `consumers.rs` makes a group of each
//! module, `queued.rs` publishes and keeps the books. `bounded.rs` is why those do not grow with the deliveries. `serve/` takes
//! deliveries from GitHub itself: `connections.rs` and `body.rs` are for whoever connects, `receive.rs` for what is signed.

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

use std::{
    env,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::Serialize;

use crate::{
    cli::{Command, Options},
    input::Input,
    program::{Mode, Program},
    serve::{Secret, Service},
    summary::Summary,
};

fn main() -> ExitCode {
    let options = match Command::parse(env::args_os().skip(1)) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => return print(cli::HELP, ExitCode::SUCCESS),
        Err(error) => return refuse(&error.to_string()),
    };
    let mode = match &options {
        // A catalog shows everything in one place.
        Options { catalog: Some(_), .. } => Mode::Emit,
        Options { serve: Some(_), .. } => Mode::Serve,
        Options { queued: true, .. } => Mode::Publish,
        Options { .. } => Mode::Emit,
    };
    let program = match Program::wire(mode) {
        Ok(program) => program,
        Err(error) => return refuse(&error.to_string()),
    };
    match (options.catalog, options.serve) {
        (Some(form), _) => print(&program.catalog(form), ExitCode::SUCCESS),
        (None, Some(addr)) => serve(&program, addr, &options),
        (None, None) => replay(program, &options),
    }
}

/// Replays a file.
fn replay(program: Program, options: &Options) -> ExitCode {
    let path = options.input.clone().unwrap_or_else(recorded_deliveries);
    let mut input = match Input::open(&path) {
        Ok(input) => input,
        Err(error) => {
            let path = path.display();
            return refuse(&format!("cannot read `{path}`: {error}; `--input FILE` names a file of JSON lines"));
        }
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

/// Takes deliveries from outside.
fn serve(program: &Program, addr: SocketAddr, options: &Options) -> ExitCode {
    let secret = env::var_os(Secret::VARIABLE).and_then(|secret| Secret::new(secret.as_encoded_bytes()));
    let Some(secret) = secret else {
        let variable = Secret::VARIABLE;
        return refuse(&format!("`--serve` needs the secret of the webhook in the variable {variable}"));
    };
    // Only now: who reads it may send deliveries, and signals.
    let ready = |addr: SocketAddr| _ = print(&format!("listening on {addr}\n"), ExitCode::SUCCESS);
    let (limits, shutdown) = (options.limits.clone(), options.settings.shutdown);
    match program.serve(Service { addr, secret, limits, shutdown }, &options.settings, ready) {
        Ok(ending) => {
            let status = if ending.is_clean { ExitCode::SUCCESS } else { ExitCode::from(1) };
            let ledger = if options.json { json(&ending.ledger) } else { ending.ledger.to_string() };
            print(&ledger, status)
        }
        Err(error) => refuse(&error.to_string()),
    }
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
