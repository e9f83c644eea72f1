//! A seeded hash for short keys.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Hashes names, their words, and numbers, by one folded multiplication for each eight bytes.
///
/// Cheap is safe here: what comes from outside is looked up only, and never becomes a key, and the seed is random, so that
/// nobody outside can tell which names fall on the same place.
#[derive(Clone)]
pub(crate) struct FoldHash {
    seed: u64,
}

impl Default for FoldHash {
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(0) }
    }
}

impl BuildHasher for FoldHash {
    type Hasher = FoldHasher;

    fn build_hasher(&self) -> FoldHasher {
        FoldHasher(self.seed)
    }
}

pub(crate) struct FoldHasher(u64);

impl Hasher for FoldHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        // The last word holds how many bytes of it count.
        let last = rest.iter().fold(rest.len() as u64, |last, byte| last << 8 | u64::from(*byte));
        self.write_u64(last);
    }

    /// The end of a string, which `write` has marked.
    fn write_u8(&mut self, _end: u8) {}

    fn write_u64(&mut self, value: u64) {
        // The digits of pi, as good as any odd number without a pattern.
        let product = u128::from(self.0 ^ value) * 0x243f_6a88_85a3_08d3;
        #[expect(clippy::cast_possible_truncation, reason = "folds the high half onto the low half")]
        let folded = (product >> 64) as u64 ^ product as u64;
        self.0 = folded;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_spread_over_low_and_high_bits() {
        let build = FoldHash::default();
        let names: Vec<String> = (0..4096).map(|number| format!("tenant{number}.created")).collect();
        let hashes: HashSet<u64> = names.iter().map(|name| build.hash_one(name.as_str())).collect();
        assert_eq!(hashes.len(), names.len());
        // Random hashes leave 1,507 of 4,096 places empty.
        let places = |place: fn(u64) -> u64| hashes.iter().map(|hash| place(*hash)).collect::<HashSet<_>>().len();
        assert!(places(|hash| hash & 0xfff) > 2400);
        assert!(places(|hash| hash >> 52) > 2400);
    }

    #[test]
    fn texts_of_all_lengths_differ() {
        let build = FoldHash::default();
        let text = "a".repeat(64);
        let hashes: HashSet<u64> = (0..=64).map(|len| build.hash_one(&text[..len])).collect();
        assert_eq!(hashes.len(), 65);
    }
}
