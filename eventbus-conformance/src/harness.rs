//! A test program whose tests are the properties.

use std::{process::ExitCode, sync::Arc, thread};

use eventbus::{
    BoxError,
    transport::{Answer, BoxFuture, Message, Transport},
};

use crate::{
    Limits, Property, PropertyOutcome, Rig, Trouble, properties,
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
    check_suites(&[Suite { name: String::new(), rig: Arc::new(rig) }])
}

/// The same for a transport in several configurations: single properties run over all of them at the same time, since most of their
/// time they wait; all side by side, over one configuration after the other. The name of a test is that of its configuration, `::`, and the property's.
///
/// ```no_run
/// # struct Files { compressed: bool }
/// # impl eventbus_conformance::Rig for Files {
/// #     fn open<'a>(&'a self, _: &'a str) -> eventbus::transport::Answer<'a, std::sync::Arc<dyn eventbus::transport::Transport>> { unimplemented!() }
/// # }
/// fn main() -> std::process::ExitCode {
///     let (plain, compressed) = (Files { compressed: false }, Files { compressed: true });
///     eventbus_conformance::main_of([("plain", Box::new(plain)), ("compressed", Box::new(compressed))])
/// }
/// ```
pub fn main_of<const N: usize>(configurations: [(&str, Box<dyn Rig>); N]) -> ExitCode {
    let suite = |(name, rig): (&str, Box<dyn Rig>)| Suite { name: format!("{name}::"), rig: Arc::from(rig) };
    check_suites(&configurations.map(suite))
}

/// The properties, over one rig.
struct Suite {
    /// What the names of its tests begin with.
    name: String,
    rig: Arc<dyn Rig>,
}

fn check_suites(suites: &[Suite]) -> ExitCode {
    let arguments = Arguments::parse(std::env::args().skip(1));
    let names = || properties().map(|property| property.name).chain([ALL]);
    let chosen = suites.iter().flat_map(|suite| names().map(|name| format!("{}{name}", suite.name)));
    let chosen: Vec<_> = chosen.filter(|name| arguments.selects(name)).collect();
    if arguments.lists {
        for name in &chosen {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let each: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = suites.iter().map(|suite| scope.spawn(|| suite.check_each(&arguments))).collect();
        // All of them end, whatever becomes of one.
        running.into_iter().map(|suite| suite.join().ok()).collect()
    });
    // One after the other: each is as much at the same time as a machine keeps leases alive under.
    let ends = suites.iter().zip(each).map(|(suite, each)| each.is_some_and(|each| suite.check_all(&arguments, &each)));
    let ends: Vec<_> = ends.collect();
    if ends.into_iter().all(|is_well| is_well) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Suite {
    /// Checks each property that is chosen.
    fn check_each(&self, arguments: &Arguments) -> crate::Summary {
        let is_chosen = |property: &&Property| arguments.selects(&format!("{}{}", self.name, property.name));
        let chosen: Vec<_> = properties().filter(is_chosen).collect();
        let threads = arguments.threads.unwrap_or_else(at_a_time);
        run_some(&chosen, &self.rig, threads, &|property, outcome| self.tell(property, outcome))
    }

    /// Checks all of them side by side, if that is chosen, and tells how it all went; `each` is how each went for itself.
    fn check_all(&self, arguments: &Arguments, each: &crate::Summary) -> bool {
        let name = &self.name;
        let mut is_well = each.broken().next().is_none();
        if arguments.selects(&format!("{name}{ALL}")) {
            let others = side_by_side(&self.rig);
            let broken: Vec<_> = others.iter().filter(|summary| summary.broken().next().is_some()).collect();
            println!("test {name}{ALL} ... {}", if broken.is_empty() { "ok" } else { "FAILED" });
            for summary in &broken {
                println!("{summary}\n");
            }
            is_well &= broken.is_empty();
        }
        let of = if name.is_empty() { String::new() } else { format!("{}: ", name.trim_end_matches(':')) };
        println!("\ntest result: {}. {of}{each}\n", if is_well { "ok" } else { "FAILED" });
        is_well
    }

    /// Tells of a property in one write, so that lines do not mix.
    fn tell(&self, property: &Property, outcome: &PropertyOutcome) {
        let name = format!("{}{}", self.name, property.name);
        match outcome {
            PropertyOutcome::Passed => println!("test {name} ... ok"),
            PropertyOutcome::Skipped(reason) => println!("test {name} ... ignored, {reason}"),
            PropertyOutcome::Broken(broken) => println!("test {name} ... FAILED\n{broken}"),
        }
    }
}

/// S32: every property at the same time, each on a storage of its own; twice, or ten times if the counts are those of a release.
fn side_by_side(rig: &Arc<dyn Rig>) -> Vec<crate::Summary> {
    let all: Vec<_> = properties().collect();
    let times = rig.limits().count(2, 10);
    let rig: Arc<dyn Rig> = Arc::new(EveryDay(Arc::clone(rig)));
    thread::scope(|scope| {
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
