//! The checker: what is lost, what was done twice, what was out of order.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, SystemTime},
};

use crate::{Line, Note, Run};

/// Lines in the order of their times.
pub fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| line.at);
    lines
}

/// The works that were acknowledged.
pub fn acknowledged(lines: &[Line]) -> HashSet<u64> {
    lines.iter().filter_map(|line| if let Note::Acked(number) = line.note { Some(number) } else { None }).collect()
}

/// The runs that came to their end, with their times.
pub fn handled(lines: &[Line]) -> Vec<(SystemTime, Run)> {
    lines
        .iter()
        .filter_map(|line| if let Note::Handled(run) = line.note { Some((line.at, run)) } else { None })
        .collect()
}

/// Which of the works were never handled.
pub fn lost(works: impl IntoIterator<Item = u64>, runs: &[(SystemTime, Run)]) -> Vec<u64> {
    let done: HashSet<_> = runs.iter().map(|(_, run)| run.number).collect();
    works.into_iter().filter(|number| !done.contains(number)).collect()
}

/// How many runs there were beyond the first of each work.
pub fn duplicates(runs: &[(SystemTime, Run)]) -> usize {
    let done: HashSet<_> = runs.iter().map(|(_, run)| run.number).collect();
    runs.len() - done.len()
}

/// The works that were handled before an earlier one of their key, or while the key had gone back and not come forward again.
///
/// What was handled and not settled when its process was killed comes again, and all behind it that was handled, too: a key may go
/// back, if it then goes on step by step.
pub fn out_of_order(runs: &[(SystemTime, Run)]) -> Vec<Run> {
    let mut next: HashMap<u64, u64> = HashMap::new();
    let mut wrong = Vec::new();
    for (_, run) in runs {
        let expected = next.entry(run.key).or_default();
        if run.sequence > *expected {
            wrong.push(*run);
        }
        *expected = run.sequence + 1;
    }
    wrong
}

/// The works that a process has begun and not ended.
pub fn unfinished(lines: &[Line], process: u32) -> Vec<u64> {
    let mut begun = HashSet::new();
    for line in lines {
        match line.note {
            Note::Began(run) if run.process == process => _ = begun.insert(run.number),
            Note::Handled(run) if run.process == process => _ = begun.remove(&run.number),
            _ => {}
        }
    }
    begun.into_iter().collect()
}

/// How long after a moment the last of these works was handled; `None` if one was not.
pub fn recovered(works: &[u64], since: SystemTime, runs: &[(SystemTime, Run)]) -> Option<Duration> {
    let mut first: HashMap<u64, SystemTime> = HashMap::new();
    for (at, run) in runs.iter().filter(|(at, _)| *at >= since) {
        first.entry(run.number).or_insert(*at);
    }
    let times: Option<Vec<_>> = works.iter().map(|number| first.get(number).copied()).collect();
    Some(times?.into_iter().max().and_then(|last| last.duration_since(since).ok()).unwrap_or_default())
}

/// The longest call, in milliseconds.
pub fn longest(lines: &[Line]) -> Duration {
    let took = lines.iter().filter_map(|line| if let Note::Took(millis) = line.note { Some(millis) } else { None });
    Duration::from_millis(took.max().unwrap_or(0))
}

/// What the transport could not do, with times.
pub fn errors(lines: &[Line]) -> Vec<(SystemTime, &str)> {
    lines
        .iter()
        .filter_map(|line| if let Note::Error(text) = &line.note { Some((line.at, &**text)) } else { None })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{duplicates, lost, out_of_order};
    use crate::Run;

    fn runs(sequences: &[u64]) -> Vec<(SystemTime, Run)> {
        let run = |sequence| Run { process: 1, number: sequence, key: 0, sequence, attempt: 1 };
        let at = |index: usize| SystemTime::UNIX_EPOCH + Duration::from_secs(index as u64);
        sequences.iter().enumerate().map(|(index, sequence)| (at(index), run(*sequence))).collect()
    }

    #[test]
    fn what_is_lost_and_what_came_twice_is_found() {
        assert_eq!(lost(0..4, &runs(&[0, 1, 3])), [2]);
        assert_eq!(duplicates(&runs(&[0, 1, 1, 2, 1])), 2);
    }

    #[test]
    fn a_key_may_go_back_and_must_not_skip() {
        assert!(out_of_order(&runs(&[0, 1, 2, 3])).is_empty());
        assert!(out_of_order(&runs(&[0, 1, 2, 1, 2, 3])).is_empty());
        assert_eq!(out_of_order(&runs(&[0, 2, 1])).len(), 1);
        assert_eq!(out_of_order(&runs(&[0, 1, 2, 1, 3])).len(), 1);
    }
}
