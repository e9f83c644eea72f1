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
        self.row("publish, from a full queue, handle_batch, x single", |bars| {
            let mut table = Table::new();
            publishing::fill_handled(&mut table, &runtime);
            table.measure(bars.long_rounds);
            let figure = Figure::at_least(table.ratio(BUS, BATCHES), "x", 2.0, None);
            let [single, batches] = [BUS, BATCHES].map(|contender| table.median(contender));
            figure.beside("single ns", single).beside("handle_batch ns", batches)
        });
        self.row("publish, 20,000/s, p99 until handled, x tokio mpsc", |bars| {
            let rounds = (0..bars.rounds).map(|_| publishing::latencies(&runtime));
            let (ours, queue): (Vec<_>, Vec<_>) = rounds.map(|[ours, queue]| (ours, queue)).unzip();
            // Of the best rounds: in others a neighbour had the core.
            let figure = Figure::new(least_p99(&ours) / least_p99(&queue), "x", 2.0, 1.0);
            figure.times("ours", &ours).times("queue", &queue)
        });
        self.row("publish, max_per_key, p99 beside a flood, x idle", |bars| {
            let rounds = (0..bars.rounds).map(|_| publishing::fairness(&runtime));
            let (times, lasted): (Vec<_>, Vec<_>) = rounds.unzip();
            let (idle, flooded): (Vec<_>, Vec<_>) = times.into_iter().map(|[idle, flooded]| (idle, flooded)).unzip();
            let ratio = least_p99(&flooded) / least_p99(&idle);
            let figure = Figure::new(ratio, "x", 2.0, None).times("idle", &idle).times("flooded", &flooded);
            figure.beside("the flood's part of the time", median(lasted.into_iter()))
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

impl Figure {
    /// Medians of the rounds, and the least p99.
    fn times(mut self, name: &str, rounds: &[Latency]) -> Self {
        let p50 = median(rounds.iter().map(|round| micros(round.median)));
        let p99 = median(rounds.iter().map(|round| micros(round.p99)));
        let least = least_p99(rounds);
        self.note(format_args!("{name} p50 {} p99 {} least p99 {} us", shown(p50), shown(p99), shown(least)));
        self
    }
}

fn least_p99(rounds: &[Latency]) -> f64 {
    rounds.iter().map(|round| micros(round.p99)).fold(f64::INFINITY, f64::min)
}

fn micros(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
