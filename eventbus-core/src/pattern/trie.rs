//! The trie: many patterns, of which one walk finds all that match a name.

use std::{collections::HashMap, mem};

use super::{FoldHash, MANY, ONE, Pattern, active::Active, segments, slab::Slab, words::Words};

/// The node where each pattern starts. It is nobody's child, so as a child its number means none.
const ROOT: u32 = 0;

/// Patterns and their values; finds the values of all patterns that match a name.
///
/// A pattern is a path of nodes from the root, one edge for each segment; patterns with a common start share nodes. A
/// match walks the name once with the set of nodes reached so far, so its cost depends on the nodes that the name reaches,
/// not on how many patterns there are, and no pattern makes it backtrack. It adds no words, and allocates only if the
/// name reaches many nodes at a time.
///
/// A pattern may be inserted any number of times; each value is found once.
#[derive(Clone)]
pub(crate) struct Trie<V> {
    nodes: Slab<TrieNode<V>>,
    /// The children behind words: parent and word, packed, to child.
    edges: HashMap<u64, u32, FoldHash>,
    words: Words,
    /// Where the value of each key is.
    places: Slab<TriePlace>,
    /// The serial of the newest key.
    serial: u64,
}

/// Names a value in a [`Trie`]. A key whose value was removed names nothing, for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TrieKey {
    place: u32,
    serial: u64,
}

#[derive(Clone)]
struct TrieNode<V> {
    /// The child behind `*`, or `ROOT`.
    one: u32,
    /// The child behind `**`, or `ROOT`.
    many: u32,
    /// How many children there are behind words.
    words: u32,
    parent: u32,
    edge: Edge,
    /// The values of the pattern that ends here, with the places that name them.
    values: Vec<(u32, V)>,
}

/// The segment between a node and its parent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    Word(u32),
    One,
    Many,
}

/// Empty places have serial 0, which no key has.
#[derive(Clone, Copy, Default)]
struct TriePlace {
    serial: u64,
    node: u32,
    /// The index in the node's values.
    at: usize,
}

impl<V> Trie<V> {
    pub(crate) fn new() -> Self {
        Self::with_serial(0)
    }

    fn with_serial(serial: u64) -> Self {
        let mut nodes = Slab::default();
        nodes.insert(TrieNode::default());
        Self { nodes, edges: HashMap::default(), words: Words::default(), places: Slab::default(), serial }
    }

    /// Adds `value` under `pattern`. The key removes it again.
    pub(crate) fn insert(&mut self, pattern: &Pattern, value: V) -> TrieKey {
        let node = pattern.segments().fold(ROOT, |node, segment| self.child_or_new(node, segment));
        self.serial += 1;
        let values = &mut self.nodes[node].values;
        let place = self.places.insert(TriePlace { serial: self.serial, node, at: values.len() });
        values.push((place, value));
        TrieKey { place, serial: self.serial }
    }

    /// Removes a value, with the nodes and words that only its pattern had; `None` if it has been removed before.
    ///
    /// The value is handed out so that it can be dropped outside of any lock.
    pub(crate) fn remove(&mut self, key: TrieKey) -> Option<V> {
        let place = self.places.get(key.place).filter(|place| place.serial == key.serial)?;
        let &TriePlace { node, at, .. } = place;
        self.places.remove(key.place);
        let values = &mut self.nodes[node].values;
        let (_, value) = values.swap_remove(at);
        if let Some(&(moved, _)) = values.get(at) {
            self.places[moved].at = at;
        }
        self.prune(node);
        Some(value)
    }

    /// Removes all values and hands them out, so that they can be dropped outside of any lock. Their keys name nothing then.
    pub(crate) fn take(&mut self) -> Self {
        let empty = Self::with_serial(self.serial);
        mem::replace(self, empty)
    }

    /// How many values there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Calls `found` for each value whose pattern matches `name`, once, in no particular order.
    ///
    /// Whoever holds a lock around the trie lets `found` collect the values, and runs them after the lock.
    ///
    /// `name` is taken for an event name; it is split at its dots and not checked.
    pub(crate) fn each_match<'t>(&'t self, name: &str, mut found: impl FnMut(&'t V)) {
        let (mut active, mut next) = (&mut Active::new(), &mut Active::new());
        self.reach(ROOT, active);
        for segment in segments(name) {
            // Looked up when the first node asks.
            let mut word = None;
            for &at in active.as_slice() {
                let node = &self.nodes[at];
                if node.words > 0
                    && let Some(word) = *word.get_or_insert_with(|| self.words.find(segment))
                    && let Some(&child) = self.edges.get(&pack(at, word))
                {
                    self.reach(child, next);
                }
                if node.one != ROOT {
                    self.reach(node.one, next);
                }
                if node.edge == Edge::Many {
                    next.push_once(at);
                }
            }
            next.settle();
            if next.as_slice().is_empty() {
                return;
            }
            mem::swap(&mut active, &mut next);
            next.clear();
        }
        for &at in active.as_slice() {
            self.nodes[at].values.iter().for_each(|(_, value)| found(value));
        }
    }

    /// Makes a node active, and the one behind its `**`, which may match nothing.
    ///
    /// Only a node behind `**` can be reached twice by the same segment: from its parent, and by staying where it is.
    fn reach(&self, node: u32, active: &mut Active) {
        active.push(node);
        let many = self.nodes[node].many;
        if many != ROOT {
            active.push_once(many);
        }
    }

    fn child_or_new(&mut self, parent: u32, segment: &str) -> u32 {
        let edge = match segment {
            ONE => Edge::One,
            MANY => Edge::Many,
            word => Edge::Word(self.words.find_or_add(word)),
        };
        let node = &self.nodes[parent];
        let child = match edge {
            Edge::One => node.one,
            Edge::Many => node.many,
            Edge::Word(word) => self.edges.get(&pack(parent, word)).copied().unwrap_or(ROOT),
        };
        if child != ROOT {
            return child;
        }
        let child = self.nodes.insert(TrieNode { parent, edge, ..TrieNode::default() });
        let node = &mut self.nodes[parent];
        match edge {
            Edge::One => node.one = child,
            Edge::Many => node.many = child,
            Edge::Word(word) => {
                node.words += 1;
                self.edges.insert(pack(parent, word), child);
                self.words.acquire(word);
            }
        }
        child
    }

    /// Removes `node` if it is bare, then its parent if that made it bare, and so on.
    fn prune(&mut self, mut node: u32) {
        while node != ROOT && self.nodes[node].is_bare() {
            let TrieNode { parent, edge, .. } = self.nodes.remove(node);
            match edge {
                Edge::One => self.nodes[parent].one = ROOT,
                Edge::Many => self.nodes[parent].many = ROOT,
                Edge::Word(word) => {
                    self.nodes[parent].words -= 1;
                    self.edges.remove(&pack(parent, word));
                    self.words.release(word);
                }
            }
            node = parent;
        }
    }

    /// How many nodes, edges behind words, and words there are.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize, usize) {
        (self.nodes.len(), self.edges.len(), self.words.len())
    }
}

impl<V> TrieNode<V> {
    fn is_bare(&self) -> bool {
        self.values.is_empty() && self.one == ROOT && self.many == ROOT && self.words == 0
    }
}

impl<V> Default for TrieNode<V> {
    fn default() -> Self {
        Self { one: ROOT, many: ROOT, words: 0, parent: ROOT, edge: Edge::One, values: Vec::new() }
    }
}

fn pack(node: u32, word: u32) -> u64 {
    u64::from(node) << 32 | u64::from(word)
}
