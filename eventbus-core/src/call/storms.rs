//! The chains of emissions that have reached the recursion limit (promise P7).
//!
//! A circle with two listeners doubles its emissions at each level: the depth alone does not bound the work. So a chain
//! that reaches the limit is remembered by its root, and further nested emissions of that root are refused. The table is
//! global and small: a root is forgotten when 64 later ones have taken its place.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::EmissionId;

const REMEMBERED: usize = 64;

static ROOTS: [AtomicU64; REMEMBERED] = [const { AtomicU64::new(0) }; REMEMBERED];

/// How many roots were added so far; 0 in most processes, whose emissions then look no further.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Remembers that a chain of `root` has reached the limit.
#[cold]
pub(super) fn add(root: EmissionId) {
    if !contains(root) {
        let at = COUNT.fetch_add(1, Ordering::Relaxed) % REMEMBERED;
        ROOTS[at].store(root.get(), Ordering::Relaxed);
    }
}

/// Whether any chain of the process has reached its limit.
#[inline]
pub(super) fn any() -> bool {
    COUNT.load(Ordering::Relaxed) != 0
}

/// Whether a chain of `root` has reached the limit.
#[cold]
pub(super) fn contains(root: EmissionId) -> bool {
    ROOTS.iter().any(|known| known.load(Ordering::Relaxed) == root.get())
}
