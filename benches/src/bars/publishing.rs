//! The bars of publishing in memory.

use super::{Bars, Figure, shown};
use crate::{
    asynchronous, counts,
    harness::{Table, median},
    publishing::{self, BATCHES, BUS, Latency, RIVALS, SEVERAL, SHAPES, SHARED},
};

impl Bars {
    pub(super) fn publishing(&mut self) {
        let runtime = asynchronous::runtime();
        for (producers, workers) in SHAPES {
            let path = format!("publish, {producers} x {workers}, x tokio mpsc");
            let batches = format!("publish, {producers} x {workers}, handle_batch, x single");
            if !self.wants(&path) && !self.wants(&batches) {
                continue;
            }
            let mut table = Table::new();
            publishing::fill(&mut table, &runtime, producers, workers);
            publishing::add_rivals(&mut table, &runtime, producers, workers);
            table.measure(self.long_rounds);
            self.row(&path, |_| {
                let (bar, stretch) = if producers == 1 { (0.7, 1.0) } else { (0.6, 1.0) };
                // The way that is best for the queue.
                let is_several = workers > 1 && table.ratio(SEVERAL, SHARED) < 1.0;
                let queue = if is_several { SEVERAL } else { SHARED };
                let mut figure = Figure::at_least(table.ratio(queue, BUS), "x", bar, stretch);
                for (name, contender) in [("ours", BUS), (queue, queue)] {
                    figure.note(format_args!("{name} {} M/s", shown(1e3 / table.median(contender))));
                }
                for rival in RIVALS {
                    figure.note(format_args!("{rival} {} x", shown(table.ratio(queue, rival))));
                }
                figure
            });
            if producers == 1 {
                self.row(&batches, |_| {
                    let mut figure = Figure::at_least(table.ratio(BUS, BATCHES), "x", 2.0, None);
                    figure.note(format_args!("{} M/s", shown(1e3 / table.median(BATCHES))));
                    figure
                });
            }
        }
        self.row("publish, 20,000/s, p99 until handled, x tokio mpsc", |bars| {
            let rounds: Vec<_> = (0..bars.long_rounds).map(|_| publishing::latencies(&runtime)).collect();
            let p99 = |of: fn(&[Latency; 2]) -> Latency| median(rounds.iter().map(|round| micros(of(round).p99)));
            let p50 = |of: fn(&[Latency; 2]) -> Latency| median(rounds.iter().map(|round| micros(of(round).median)));
            let ratio = median(rounds.iter().map(|[ours, queue]| micros(ours.p99) / micros(queue.p99)));
            let mut figure = Figure::new(ratio, "x", 2.0, 1.0);
            for (name, of) in
                [("ours", (|round| round[0]) as fn(&[Latency; 2]) -> Latency), ("queue", |round| round[1])]
            {
                figure.note(format_args!("{name} p50 {} p99 {} us", shown(p50(of)), shown(p99(of))));
            }
            figure
        });
        self.row("publish, max_per_key, p99 beside a flood, x idle", |bars| {
            let rounds: Vec<_> = (0..bars.long_rounds).map(|_| publishing::fairness(&runtime)).collect();
            let ratio = median(rounds.iter().map(|([idle, flooded], _)| micros(flooded.p99) / micros(idle.p99)));
            let mut figure = Figure::new(ratio, "x", 2.0, None);
            for (name, at) in [("idle", 0), ("flooded", 1)] {
                let p50 = median(rounds.iter().map(|(both, _)| micros(both[at].median)));
                let p99 = median(rounds.iter().map(|(both, _)| micros(both[at].p99)));
                figure.note(format_args!("{name} p50 {} p99 {} us", shown(p50), shown(p99)));
            }
            let lasted = median(rounds.iter().map(|(_, lasted)| *lasted));
            figure.note(format_args!("the flood lasts {} x as long", shown(lasted)));
            figure
        });
        self.published_instructions();
    }

    fn published_instructions(&mut self) {
        let path = "publish, instructions, x tokio mpsc, one thread";
        if self.wants(path) && !counts::has_valgrind() {
            println!("| {path:52} | valgrind is not installed");
            return;
        }
        self.row(path, |_| {
            let [ours, batches, queue] =
                ["publish", "publish-batch", "channel"].map(|contender| counts::instructions(contender, 1));
            Figure::new(ours / queue, "x", 1.0 / 0.7, 1.0)
                .beside("ours", ours)
                .beside("batches", batches)
                .beside("queue", queue)
        });
    }
}

fn micros(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
