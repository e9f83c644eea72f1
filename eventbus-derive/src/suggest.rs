//! Suggestions for misspelled keys.

/// The nearest candidate that is at most two edits away, or that starts with `word`.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (if abbreviates(word, candidate) { 1 } else { distance(word, candidate) }, candidate))
        .filter(|&(edits, candidate)| edits <= 2 && edits < candidate.len().min(word.len()))
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

fn abbreviates(word: &str, candidate: &str) -> bool {
    word.len() >= 3 && candidate.starts_with(word)
}

/// The Levenshtein distance.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect(); // distances from the prefix of `from` read so far
    for (line, removed) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, &added) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(removed != added);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_recognised_and_a_far_one_is_not() {
        let nearest = |word| nearest(word, ["name", "version", "crate", "shares_name"].into_iter());
        assert_eq!(nearest("nmae"), Some("name"));
        assert_eq!(nearest("rename"), Some("name"));
        assert_eq!(nearest("ver"), Some("version"));
        assert_eq!(nearest("share_name"), Some("shares_name"));
        assert_eq!(nearest("topic"), None);
        assert_eq!(nearest("id"), None);
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
