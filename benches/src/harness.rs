//! The harness: contenders that take turns.
//!
//! Criterion and its kin measure one contender after the other, seconds apart, which on a shared machine compares two
//! moments rather than two programs. Here each round gives every contender of a table one short batch, in rotating order,
//! and the ratio to the baseline is taken within the round.

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use crate::counts;

/// How long a batch is to take: long against the clock and an interrupt, short against what neighbours do.
const BATCH: Duration = Duration::from_micros(1500);

/// How long it is to take where threads work side by side: the scheduler needs a while to give each its core.
const LONG_BATCH: Duration = Duration::from_millis(50);

/// What to run, and for how long.
pub(crate) struct Plan {
    filters: Vec<String>,
    work: PlannedWork,
}

enum PlannedWork {
    /// Measures so many rounds of each table.
    Rounds(usize),
    /// Counts the instructions of each contender.
    Instructions,
    /// Runs one contender so many turns, for callgrind to look at.
    Turns { contender: String, turns: u32 },
}

impl Plan {
    pub(crate) fn from_args(args: Vec<String>) -> Self {
        let (mut filters, mut rounds) = (Vec::new(), 51);
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if arg == "--rounds" {
                rounds = args.next().and_then(|rounds| rounds.parse().ok()).expect("`--rounds` takes a number");
            } else {
                filters.push(arg);
            }
        }
        Self { filters, work: PlannedWork::Rounds(rounds) }
    }

    pub(crate) fn instructions(filters: &[String]) -> Self {
        Self { filters: filters.to_vec(), work: PlannedWork::Instructions }
    }

    /// Hidden mode `turns TITLE CONTENDER TURNS`.
    pub(crate) fn turns(args: &[String]) -> Self {
        let [title, contender, turns] = args else { panic!("turns TITLE CONTENDER TURNS") };
        let turns = turns.parse().expect("a number of turns");
        Self { filters: vec![title.clone()], work: PlannedWork::Turns { contender: contender.clone(), turns } }
    }

    /// Runs a table, if its title contains one of the filters.
    pub(crate) fn table<'a>(&self, title: &str, fill: impl FnOnce(&mut Table<'a>)) {
        if !self.filters.is_empty() && !self.filters.iter().any(|filter| title.contains(filter.as_str())) {
            return;
        }
        let mut table = Table::new();
        fill(&mut table);
        match &self.work {
            PlannedWork::Rounds(rounds) => {
                table.measure(*rounds);
                table.print(title);
            }
            PlannedWork::Instructions => table.print_instructions(title),
            PlannedWork::Turns { contender, turns } if *title == self.filters[0] => table.turns(contender, *turns),
            PlannedWork::Turns { .. } => {}
        }
    }
}

/// Contenders that are measured together. The first one is the baseline.
pub(crate) struct Table<'a> {
    contenders: Vec<Contender<'a>>,
    batch: Duration,
    /// Turns of every batch, whatever time they take.
    turns: Option<u32>,
}

struct Contender<'a> {
    name: String,
    /// Runs a batch of so many turns and says how long it took.
    run: Box<dyn FnMut(u32) -> Duration + 'a>,
    batch: u32,
    /// Nanoseconds per turn, one for each round.
    rounds: Vec<f64>,
}

impl<'a> Table<'a> {
    pub(crate) fn new() -> Self {
        Self { contenders: Vec::new(), batch: BATCH, turns: None }
    }

    /// Batches that last long against the scheduler: for contenders of several threads.
    pub(crate) fn long_batches(&mut self) {
        self.batch = LONG_BATCH;
    }

    /// Batches of so many turns: for contenders whose beginning and end are to weigh the same in each.
    pub(crate) fn fixed_batches(&mut self, turns: u32) {
        self.turns = Some(turns);
    }

    /// Adds a contender that does one turn when called, the turn's number given.
    pub(crate) fn add(&mut self, name: &str, mut turn: impl FnMut(u64) + 'a) {
        let mut number = 0;
        self.add_timed(name, move |turns| {
            let start = Instant::now();
            for _ in 0..turns {
                number += 1;
                turn(black_box(number));
            }
            start.elapsed()
        });
    }

    /// Adds a contender that does so many turns when called, and takes its own time.
    pub(crate) fn add_timed(&mut self, name: &str, run: impl FnMut(u32) -> Duration + 'a) {
        self.contenders.push(Contender { name: name.to_owned(), run: Box::new(run), batch: 1, rounds: Vec::new() });
    }

    pub(crate) fn measure(&mut self, rounds: usize) {
        for contender in &mut self.contenders {
            match self.turns {
                Some(turns) => {
                    contender.batch = turns;
                    (contender.run)(turns);
                }
                None => contender.calibrate(self.batch),
            }
        }
        let count = self.contenders.len();
        for round in 0..rounds {
            for place in 0..count {
                self.contenders[(round + place) % count].round();
            }
        }
    }

    /// The median, over the rounds, of one contender's time by that of another in the same round.
    pub(crate) fn ratio(&self, name: &str, base: &str) -> f64 {
        median(self.rounds(name).iter().zip(self.rounds(base)).map(|(ns, base)| ns / base))
    }

    /// The median of a contender's rounds, in nanoseconds per turn.
    pub(crate) fn median(&self, name: &str) -> f64 {
        median(self.rounds(name).iter().copied())
    }

    fn rounds(&self, name: &str) -> &[f64] {
        &self.contenders.iter().find(|contender| contender.name == name).expect("a contender of this name").rounds
    }

    /// Runs one contender.
    fn turns(&mut self, contender: &str, turns: u32) {
        let contender = self.contenders.iter_mut().find(|one| one.name == contender).expect("a contender of this name");
        (contender.run)(turns);
    }

    fn print_instructions(&self, title: &str) {
        println!("\n{title}\n");
        let names = self.contenders.iter().map(|contender| &contender.name);
        let counts: BTreeMap<_, _> = names.map(|name| (name, counts::instructions_of_turn(title, name))).collect();
        let baseline = counts[&self.contenders[0].name];
        println!("| {:32} | {:>12} | {:>7} |", "", "instructions", "ratio");
        println!("|:{:-<32}-|-{:->12}:|-{:->7}:|", "", "", "");
        for Contender { name, .. } in &self.contenders {
            println!("| {name:32} | {:>12.1} | {:>7.2} |", counts[name], counts[name] / baseline);
        }
    }

    fn print(&self, title: &str) {
        println!("\n{title}\n");
        println!("| {:32} | {:>9} | {:>9} | {:>7} |", "", "median ns", "min ns", "ratio");
        println!("|:{:-<32}-|-{:->9}:|-{:->9}:|-{:->7}:|", "", "", "", "");
        let baseline = &self.contenders[0].rounds;
        for Contender { name, rounds, .. } in &self.contenders {
            let ratio = median(rounds.iter().zip(baseline).map(|(ns, base)| ns / base));
            let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
            println!("| {name:32} | {:>9.1} | {least:>9.1} | {ratio:>7.2} |", median(rounds.iter().copied()));
        }
    }
}

impl Contender<'_> {
    /// Finds how many turns make a batch. A measured time counts only if it can be had again: one that an interrupt made long
    /// would leave the batch too short for all rounds.
    fn calibrate(&mut self, aim: Duration) {
        loop {
            let time = (0..3).map(|_| (self.run)(self.batch)).min().unwrap_or_default();
            if time >= aim / 2 {
                let scaled = f64::from(self.batch) * aim.as_secs_f64() / time.as_secs_f64();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
                let batch = scaled as u32;
                self.batch = batch.max(1);
                return;
            }
            self.batch = self.batch.saturating_mul(2);
        }
    }

    fn round(&mut self) {
        let time = (self.run)(self.batch);
        self.rounds.push(time.as_secs_f64() * 1e9 / f64::from(self.batch));
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
