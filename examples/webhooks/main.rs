//! Replays GitHub webhook deliveries through the bus: typed events, three modules that know nothing of each other, and a
//! summary whose numbers add up.
//!
//! ```sh
//! cargo run --release --example webhooks                  # 329 recorded deliveries
//! cargo run --release --example webhooks -- --json
//! cargo run --release --example webhooks -- --input FILE  # JSON lines, plain or gzip
//! ```
//!
//! To read it: `events/` says what can happen, `modules/` who cares, `routing.rs` how a delivery becomes an event, and
//! `run.rs` what is counted.

#![forbid(unsafe_code)]

mod cli;
mod events;
mod input;
mod modules;
mod output;
mod progress;
mod routing;
mod run;
mod summary;

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use eventbus::Bus;

use crate::{
    cli::{Command, Options},
    input::Input,
    modules::{Audit, LabelRules, Statistics, Triage},
    progress::Progress,
    routing::Routes,
    run::run,
    summary::{Modules, Summary},
};

fn main() -> ExitCode {
    let options = match Command::parse(env::args_os().skip(1)) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => return print(cli::HELP, ExitCode::SUCCESS),
        Err(error) => return refuse(&error.to_string()),
    };
    let path = options.input.clone().unwrap_or_else(recorded_deliveries);
    let mut input = match Input::open(&path) {
        Ok(input) => input,
        Err(error) => {
            let path = path.display();
            return refuse(&format!("cannot read `{path}`: {error}; `--input FILE` names a file of JSON lines"));
        }
    };

    let summary = replay(&mut input);
    let status = if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) };
    print(&render(&summary, &options), status)
}

/// Wires the program together: a bus, the modules that listen, and the deliveries.
fn replay(input: &mut Input) -> Summary {
    let bus = Bus::new();
    let audit = Audit::new(&bus);
    let triage = Triage::new(&bus, LabelRules::default());
    let statistics = Statistics::new(&bus);

    let mut progress = Progress::on_stderr();
    let tally = run(&bus, &Routes::new(), input, &mut progress);
    progress.done();

    let modules = Modules { audit: audit.summary(), triage: triage.summary(), statistics: statistics.summary() };
    Summary::new(tally, modules)
}

fn recorded_deliveries() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/github-webhooks.jsonl.gz")
}

fn render(summary: &Summary, options: &Options) -> String {
    if options.json {
        let json = serde_json::to_string_pretty(summary).expect("the summary has only text keys and finite numbers");
        json + "\n"
    } else {
        summary.to_string()
    }
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
