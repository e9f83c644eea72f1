//! A hasher for keys that are hashes already.

use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type BuildHashedKeys = BuildHasherDefault<HashedKeyHasher>;

/// Passes a hash through; a `TypeId` too, which the compiler has made as random as a hash can be.
#[derive(Default)]
pub(crate) struct HashedKeyHasher(u64);

impl Hasher for HashedKeyHasher {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    // `TypeId` hashes itself as one `u64` today, which its docs do not promise.
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = self.0.rotate_left(5) ^ u64::from_le_bytes(word);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{any::TypeId, collections::HashSet, hash::BuildHasher};

    #[test]
    fn different_types_get_different_hashes() {
        let build = BuildHashedKeys::default();
        let hashes: HashSet<u64> =
            [TypeId::of::<u8>(), TypeId::of::<u16>(), TypeId::of::<u32>(), TypeId::of::<String>(), TypeId::of::<()>()]
                .iter()
                .map(|id| build.hash_one(id))
                .collect();
        assert_eq!(hashes.len(), 5);
    }

    #[test]
    fn bytes_are_mixed_one_word_after_the_other() {
        let build = BuildHashedKeys::default();
        let texts = ["", "a", "b", "one word", "two words", "words two", "one word, and more", "one word, and less"];
        let hashes: HashSet<u64> = texts.iter().map(|text| build.hash_one(text)).collect();
        assert_eq!(hashes.len(), texts.len());
    }
}
