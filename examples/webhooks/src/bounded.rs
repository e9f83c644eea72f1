//! Books that do not grow with what they count: the first of a kind, and how many there were; so many names, and the others.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

/// Of what is listed one by one, so many are kept; of the others, how many there are.
pub(crate) const LISTED: usize = 100;

/// So many things are told apart by name.
pub(crate) const TOLD_APART: usize = 10_000;

/// So many bytes are kept of a name from outside. GitHub's own are shorter.
const NAME: usize = 256;

/// So many bytes are kept of other text from outside.
const TEXT: usize = 2048;

/// The start of a name, if it is a long one.
pub(crate) fn name(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME)]
}

/// The start of a text, if it is a long one.
pub(crate) fn text(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT)]
}

/// The first hundred of many.
#[derive(Debug)]
pub(crate) struct Firsts<T> {
    kept: Vec<T>,
    all: usize,
}

impl<T> Default for Firsts<T> {
    fn default() -> Self {
        Self { kept: Vec::new(), all: 0 }
    }
}

impl<T> Firsts<T> {
    pub(crate) fn push(&mut self, item: impl FnOnce() -> T) {
        self.all += 1;
        if self.kept.len() < LISTED {
            self.kept.push(item());
        }
    }

    pub(crate) fn kept(&self) -> &[T] {
        &self.kept
    }

    /// How many there were that were not kept.
    pub(crate) fn more(&self) -> usize {
        self.all - self.kept.len()
    }
}

/// Counts by name.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    counts: BTreeMap<String, usize>,
    others: usize,
}

impl Counts {
    /// What stands in a ranking for all names that are not listed in it; no name has a parenthesis.
    const OTHERS: &'static str = "(others)";

    pub(crate) fn add(&mut self, counted: &str) {
        let counted = name(counted);
        if let Some(count) = self.counts.get_mut(counted) {
            *count += 1;
        } else if self.counts.len() < TOLD_APART {
            self.counts.insert(counted.to_owned(), 1);
        } else {
            self.others += 1;
        }
    }

    /// The first hundred, most first, and all others together.
    pub(crate) fn ranking(&self) -> Vec<(String, usize)> {
        let mut counts: Vec<_> = self.counts.iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(**count));
        let others = self.others + counts.iter().skip(LISTED).map(|(_, count)| **count).sum::<usize>();
        let listed = counts.into_iter().take(LISTED).map(|(name, count)| (name.clone(), *count));
        listed.chain((others > 0).then(|| (Self::OTHERS.to_owned(), others))).collect()
    }
}

/// How often something took how long, exact to one part in 128.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    /// For each power of two 128 steps; below 256 ns, one for each.
    steps: Vec<usize>,
    count: usize,
    max: Duration,
}

impl Durations {
    pub(crate) fn add(&mut self, duration: Duration) {
        let step = Self::step(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        if step >= self.steps.len() {
            self.steps.resize(step + 1, 0);
        }
        self.steps[step] += 1;
        self.count += 1;
        self.max = self.max.max(duration);
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The longest.
    pub(crate) fn max(&self) -> Duration {
        self.max
    }

    /// The smallest duration that so many percent do not exceed (nearest rank); `None` if there is none.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.count * percent).div_ceil(100);
        let mut seen = 0;
        let step = self.steps.iter().position(|count| {
            seen += count;
            seen >= rank && seen > 0
        })?;
        Some(Duration::from_nanos(Self::nanos(step)).min(self.max))
    }

    fn step(nanos: u64) -> usize {
        let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(8);
        shift as usize * 128 + usize::try_from(nanos >> shift).unwrap_or(255)
    }

    /// Where a step begins.
    fn nanos(step: usize) -> u64 {
        let (shift, part) = (step / 128, step as u64 % 128);
        if shift == 0 { part } else { (part + 128) << (shift - 1) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Counts, Durations, Firsts, LISTED, NAME, TOLD_APART};

    #[test]
    fn of_many_the_first_are_kept_and_all_are_counted() {
        let mut firsts = Firsts::default();
        (0..1_000).for_each(|number| firsts.push(|| number));
        assert_eq!((firsts.kept().len(), firsts.kept()[99], firsts.more()), (LISTED, 99, 1_000 - LISTED));
    }

    #[test]
    fn names_from_outside_take_no_more_than_so_much() {
        let mut counts = Counts::default();
        for number in 0..2 * TOLD_APART {
            counts.add(&number.to_string());
            counts.add("often");
            counts.add(&"ü".repeat(10 * NAME));
        }
        assert_eq!(counts.counts.len(), TOLD_APART);
        assert!(counts.counts.keys().all(|name| name.len() <= NAME));
        let ranking = counts.ranking();
        assert_eq!(ranking.len(), LISTED + 1);
        assert_eq!((ranking[0].1, ranking[1].1), (2 * TOLD_APART, 2 * TOLD_APART));
        assert_eq!(ranking.iter().map(|(_, count)| count).sum::<usize>(), 6 * TOLD_APART, "{:?}", ranking.last());
    }

    #[test]
    fn percentiles_of_durations_are_as_exact_as_they_say() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(50), None);
        (1..=100_000).for_each(|nanos| durations.add(Duration::from_nanos(nanos)));
        for percent in [1, 50, 99, 100] {
            let exact = 1_000 * percent as u64;
            let told = u64::try_from(durations.percentile(percent).unwrap().as_nanos()).unwrap();
            assert!(told <= exact && (exact - told) * 128 <= exact, "{told} for {exact}");
        }
        assert_eq!((durations.count(), durations.max()), (100_000, Duration::from_micros(100)));
        assert!(durations.steps.len() < 8 * 256);
        durations.add(Duration::MAX);
        assert!(durations.steps.len() <= 57 * 128 + 256);
        let mut small = Durations::default();
        small.add(Duration::ZERO);
        assert_eq!(small.percentile(99), Some(Duration::ZERO));
    }
}
