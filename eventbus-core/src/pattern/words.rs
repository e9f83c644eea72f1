//! The words of all patterns in a trie, numbered.

use std::{collections::HashMap, sync::Arc};

use super::{FoldHash, slab::Slab};

/// Numbers each word once, however many edges use it, and forgets it with the last of them.
#[derive(Clone, Default)]
pub(super) struct Words {
    numbers: HashMap<Arc<str>, u32, FoldHash>,
    words: Slab<Word>,
}

#[derive(Clone, Default)]
struct Word {
    text: Arc<str>,
    uses: usize,
}

impl Words {
    /// The number of `text`, if a pattern has that word. Adds nothing.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// The number of `text`, new if need be. A new word stays until it was acquired and released.
    pub(super) fn find_or_add(&mut self, text: &str) -> u32 {
        self.find(text).unwrap_or_else(|| {
            let text: Arc<str> = text.into();
            let number = self.words.insert(Word { text: text.clone(), uses: 0 });
            self.numbers.insert(text, number);
            number
        })
    }

    /// Counts one more use of a word.
    pub(super) fn acquire(&mut self, number: u32) {
        self.words[number].uses += 1;
    }

    /// Counts one use less; the last one removes the word.
    pub(super) fn release(&mut self, number: u32) {
        self.words[number].uses -= 1;
        if self.words[number].uses == 0 {
            let word = self.words.remove(number);
            self.numbers.remove(&word.text);
        }
    }

    /// How many words there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        debug_assert_eq!(self.numbers.len(), self.words.len());
        self.numbers.len()
    }
}
