//! A test program whose tests are the properties.

use std::{process::ExitCode, sync::Arc};

use eventbus::{
    BoxError,
    transport::{Answer, BoxFuture, Message, Transport},
};

use crate::{
    Limits, Outcome, Property, Rig, Trouble, properties,
    run::{at_a_time, run_some},
};

/// The name of the test that runs all others side by side.
const ALL: &str = "all_properties_hold_side_by_side";

/// What the arguments of the program ask for. Those of libtest that mean nothing here are passed over.
#[derive(Default)]
struct Arguments {
    filters: Vec<String>,
    skips: Vec<String>,
    is_exact: bool,
    lists: bool,
    only_ignored: bool,
    threads: Option<usize>,
}

impl Arguments {
    fn parse(arguments: impl IntoIterator<Item = String>) -> Self {
        let (mut own, mut rest) = (Self::default(), arguments.into_iter());
        while let Some(argument) = rest.next() {
            let (name, mut value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            match &*name {
                "--exact" => own.is_exact = true,
                "--list" => own.lists = true,
                "--ignored" => own.only_ignored = true,
                "--skip" => own.skips.extend(value.take().or_else(|| rest.next())),
                "--test-threads" => {
                    own.threads = value.take().or_else(|| rest.next()).and_then(|count| count.parse().ok());
                }
                "--color" | "--format" | "--logfile" | "--report-time" | "-Z" | "--shuffle-seed" if value.is_none() => {
                    rest.next();
                }
                _ if name.starts_with('-') => {}
                _ => own.filters.push(name),
            }
        }
        own
    }

    fn selects(&self, name: &str) -> bool {
        let is_meant = |text: &String| if self.is_exact { text == name } else { name.contains(&**text) };
        let is_chosen = self.filters.is_empty() || self.filters.iter().any(is_meant);
        // Which properties are skipped turns out when they run: none is ignored beforehand.
        is_chosen && !self.skips.iter().any(is_meant) && !self.only_ignored
    }
}

/// The `main` of a test program (`harness = false`) whose tests are the properties: each has a line of its own, is chosen by
/// `cargo test --test conformance -- some_words`, and is `ignored`, with the reason, if it was skipped.
///
/// After them all run side by side, each several times (`S32`).
pub fn main(rig: impl Rig) -> ExitCode {
    let arguments = Arguments::parse(std::env::args().skip(1));
    let chosen: Vec<_> = properties().filter(|property| arguments.selects(property.name)).collect();
    let is_stressed = arguments.selects(ALL);
    if arguments.lists {
        for name in chosen.iter().map(|property| property.name).chain(is_stressed.then_some(ALL)) {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len() + usize::from(is_stressed));
    let rig: Arc<dyn Rig> = Arc::new(rig);
    let threads = arguments.threads.unwrap_or_else(at_a_time);
    let summary = run_some(&chosen, &rig, threads, &tell);
    let mut broken = summary.broken().count();
    if is_stressed {
        let others = side_by_side(&rig);
        let is_well = others.iter().all(|summary| summary.broken().next().is_none());
        println!("test {ALL} ... {}", if is_well { "ok" } else { "FAILED" });
        for summary in others.iter().filter(|summary| summary.broken().next().is_some()) {
            println!("{summary}\n");
        }
        broken += usize::from(!is_well);
    }
    println!("\ntest result: {}. {summary}\n", if broken == 0 { "ok" } else { "FAILED" });
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Tells of a property in one write, so that lines do not mix.
fn tell(property: &Property, outcome: &Outcome) {
    match outcome {
        Outcome::Passed => println!("test {} ... ok", property.name),
        Outcome::Skipped(reason) => println!("test {} ... ignored, {reason}", property.name),
        Outcome::Broken(broken) => println!("test {} ... FAILED\n{broken}", property.name),
    }
}

/// S32: every property at the same time, each on a storage of its own; twice, or ten times if the counts are those of a release.
fn side_by_side(rig: &Arc<dyn Rig>) -> Vec<crate::Summary> {
    let all: Vec<_> = properties().collect();
    let times = rig.limits().count(2, 10);
    let rig: Arc<dyn Rig> = Arc::new(EveryDay(Arc::clone(rig)));
    std::thread::scope(|scope| {
        let run = || run_some(&all, &rig, all.len().div_ceil(4), &|_, _| {});
        let running: Vec<_> = (0..times).map(|_| scope.spawn(run)).collect();
        running.into_iter().filter_map(|one| one.join().ok()).collect()
    })
}

/// A rig with the counts for every day: what runs side by side is many already.
struct EveryDay(Arc<dyn Rig>);

impl Rig for EveryDay {
    fn open<'a>(&'a self, storage: &'a str) -> Answer<'a, Arc<dyn Transport>> {
        self.0.open(storage)
    }

    fn limits(&self) -> Limits {
        self.0.limits().with_full_counts(false)
    }

    fn shares(&self) -> bool {
        self.0.shares()
    }

    fn kill<'a>(&'a self, storage: &'a str, process: Arc<dyn Transport>) -> BoxFuture<'a, ()> {
        self.0.kill(storage, process)
    }

    fn trouble<'a>(&'a self, storage: &'a str, trouble: Trouble<'a>) -> Option<BoxFuture<'a, Result<(), BoxError>>> {
        self.0.trouble(storage, trouble)
    }

    fn refused(&self) -> Option<Message> {
        self.0.refused()
    }

    fn secrets(&self) -> Vec<String> {
        self.0.secrets()
    }

    fn clear<'a>(&'a self, storage: &'a str) -> BoxFuture<'a, ()> {
        self.0.clear(storage)
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn selects(arguments: &[&str], name: &str) -> bool {
        Arguments::parse(arguments.iter().map(|text| (*text).to_owned())).selects(name)
    }

    #[test]
    fn arguments_choose_as_those_of_other_tests_do() {
        assert!(selects(&[], "order_is_kept"));
        assert!(selects(&["order"], "order_is_kept") && !selects(&["time"], "order_is_kept"));
        assert!(selects(&["time", "order"], "order_is_kept"));
        assert!(!selects(&["--exact", "order"], "order_is_kept") && selects(&["order", "--exact"], "order"));
        assert!(!selects(&["--skip", "order"], "order_is_kept") && !selects(&["--skip=order"], "order_is_kept"));
        assert!(selects(&["--nocapture", "--test-threads", "1", "--format=terse", "order"], "order_is_kept"));
        assert!(!selects(&["--ignored"], "order_is_kept") && selects(&["--include-ignored"], "order_is_kept"));
    }
}
