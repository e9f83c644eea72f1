//! Replays GitHub webhook deliveries through the bus: emitted by name, heard by type, by modules that know nothing of each
//! other; and a summary whose numbers add up.
//!
//! ```sh
//! cargo run --release --example webhooks                  # 329 recorded deliveries
//! cargo run --release --example webhooks -- --json
//! cargo run --release --example webhooks -- --input FILE  # JSON lines, plain or gzip
//! cargo run --release --example webhooks -- --catalog asyncapi
//! ```
//!
//! To read it: `events/` says what can happen, `modules/` who cares, and `run.rs` how a delivery becomes an
//! event and what is counted.

#![forbid(unsafe_code)]

mod cli;
mod events;
mod input;
mod modules;
mod output;
mod progress;
mod run;
mod summary;

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use eventbus::{AsyncApiInfo, Bus, WiringError};

use crate::{
    cli::{CatalogForm, Command, Options},
    input::Input,
    modules::{Audit, LabelRules, Statistics, Triage, Unclaimed},
    progress::Progress,
    run::run,
    summary::{Modules, Summary},
};

fn main() -> ExitCode {
    let options = match Command::parse(env::args_os().skip(1)) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => return print(cli::HELP, ExitCode::SUCCESS),
        Err(error) => return refuse(&error.to_string()),
    };
    let program = match Program::wire() {
        Ok(program) => program,
        Err(error) => return refuse(&error.to_string()),
    };
    if let Some(form) = options.catalog {
        return print(&program.catalog(form), ExitCode::SUCCESS);
    }
    let path = options.input.clone().unwrap_or_else(recorded_deliveries);
    let mut input = match Input::open(&path) {
        Ok(input) => input,
        Err(error) => {
            let path = path.display();
            return refuse(&format!("cannot read `{path}`: {error}; `--input FILE` names a file of JSON lines"));
        }
    };

    let summary = program.replay(&mut input);
    let status = if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) };
    print(&render(&summary, &options), status)
}

/// A bus, and the modules that listen.
struct Program {
    bus: Bus,
    audit: Audit,
    triage: Triage,
    statistics: Statistics,
    unclaimed: Unclaimed,
}

impl Program {
    fn wire() -> Result<Self, WiringError> {
        let bus = Bus::builder().max_payload(input::LARGEST_DELIVERY).build();
        events::declare(&bus)?;
        let audit = Audit::new(&bus);
        let triage = Triage::new(&bus, LabelRules::default());
        let statistics = Statistics::new(&bus);
        let unclaimed = Unclaimed::new(&bus)?;
        Ok(Self { bus, audit, triage, statistics, unclaimed })
    }

    fn replay(self, input: &mut Input) -> Summary {
        let mut progress = Progress::on_stderr();
        let tally = run(&self.bus, input, &mut progress);
        progress.done();

        let (audit, triage, statistics) = (self.audit.summary(), self.triage.summary(), self.statistics.summary());
        Summary::new(tally, self.unclaimed.kinds(), Modules { audit, triage, statistics })
    }

    fn catalog(&self, form: CatalogForm) -> String {
        let catalog = self.bus.catalog();
        match form {
            CatalogForm::AsyncApi => {
                let about = "What GitHub's webhooks tell this program, and what its modules tell each other.";
                let info = AsyncApiInfo::new("webhooks", env!("CARGO_PKG_VERSION")).description(about);
                format!("{:#}\n", catalog.to_asyncapi(&info))
            }
            CatalogForm::Markdown => catalog.to_markdown(),
            CatalogForm::Map => catalog.to_mermaid(),
        }
    }
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
