//! The trie nodes reached by the part of a name read so far.

/// Few nodes are active at a time, so the first ones need no allocation.
const INLINE: usize = 16;

/// A set of nodes: in place while small, on the heap, sorted, when large.
pub(super) struct Active {
    inline: [u32; INLINE],
    len: usize,
    spilled: Vec<u32>,
}

impl Active {
    pub(super) fn new() -> Self {
        Self { inline: [0; INLINE], len: 0, spilled: Vec::new() }
    }

    /// Adds a node that was not added before.
    pub(super) fn push(&mut self, node: u32) {
        if self.spilled.is_empty() {
            if let Some(free) = self.inline.get_mut(self.len) {
                *free = node;
                self.len += 1;
                return;
            }
            self.spilled.extend_from_slice(&self.inline);
        }
        self.spilled.push(node);
    }

    /// Adds a node that may have been added before.
    pub(super) fn push_once(&mut self, node: u32) {
        // A large set is sorted out in `settle`, all at once.
        if !self.spilled.is_empty() || !self.inline[..self.len].contains(&node) {
            self.push(node);
        }
    }

    /// Makes it a set again after a round of pushes.
    pub(super) fn settle(&mut self) {
        self.spilled.sort_unstable();
        self.spilled.dedup();
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        if self.spilled.is_empty() { &self.inline[..self.len] } else { &self.spilled }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.spilled.clear();
    }
}
