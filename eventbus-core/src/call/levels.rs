//! The stack of emissions of a thread: which emission runs inside which.
//!
//! An emission pushes one level when it starts and pops it when it returns to its caller. The stack follows the call chain
//! and not the thread: a pending emission keeps a copy of its levels ([`Frame`](super::Frame)) and puts them back around
//! each poll, so a hundred emissions side by side have depth 1 each.

use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{BusId, Cause, EmissionId, Signal, clock::Deadline, storms};
use crate::{event::EventType, listener::Chain, sync::thread_local};

/// One emission of the chain.
#[derive(Clone, Copy)]
pub(super) struct Level {
    pub(super) emission: EmissionId,
    pub(super) event: Option<&'static EventType>,
    pub(super) bus: Option<BusId>,
}

impl Level {
    pub(super) const NONE: Self = Self { emission: EmissionId::NONE, event: None, bus: None };
}

/// How many levels are kept. Deeper emissions, which only a raised limit allows, share the last one.
pub(super) const LEVELS: usize = LEVELS_U32 as usize;

const LEVELS_U32: u32 = 64;

/// How many events of a chain its error message shows.
const SHOWN: usize = 8;

/// The stack of a thread. It needs no destructor, so reading it costs no check.
pub(super) struct Stack {
    last_id: Cell<u64>,
    pub(super) depth: Cell<u32>,
    /// The bits below: what is rare, behind one comparison with zero.
    pub(super) state: Cell<u8>,
    pub(super) levels: [Cell<Level>; LEVELS],
    /// The deadline of the innermost emission that has one, where `LIMITED` is set.
    pub(super) deadline: Cell<Option<Deadline>>,
    /// The delivery whose handler is in the chain, where `IN_HANDLER` is set.
    pub(super) cause: Cell<Option<Cause>>,
}

/// The failure hook runs.
pub(super) const IN_HOOK: u8 = 1;
/// A handler of a consumer is in the chain.
pub(super) const IN_HANDLER: u8 = 2;
/// An emission of the chain has a deadline or can be cancelled: nested ones end with it.
pub(super) const LIMITED: u8 = 4;

thread_local! {
    static STACK: Stack = const {
        Stack {
            // The last one of a block: the first emission takes a new block.
            last_id: Cell::new(BLOCK - 1),
            depth: Cell::new(0),
            state: Cell::new(0),
            levels: [const { Cell::new(Level::NONE) }; LEVELS],
            deadline: Cell::new(None),
            cause: Cell::new(None),
        }
    };
    /// The signal of the innermost emission that can be cancelled, where `LIMITED` is set. Apart from the stack, since it
    /// needs a destructor.
    static CANCEL: RefCell<Option<Arc<Signal>>> = const { RefCell::new(None) };
}

#[inline]
pub(super) fn with_stack<T>(look: impl FnOnce(&Stack) -> T) -> T {
    STACK.with(look)
}

/// The signal of the innermost emission that can be cancelled.
pub(super) fn cancel_signal() -> Option<Arc<Signal>> {
    CANCEL.with(|cancel| cancel.borrow().clone())
}

/// Sets it, and returns the one that was set.
pub(super) fn replace_cancel_signal(signal: Option<Arc<Signal>>) -> Option<Arc<Signal>> {
    CANCEL.with(|cancel| cancel.replace(signal))
}

impl Stack {
    /// Threads take ids in blocks: a counter that every emission writes would be the one cache line all threads fight over.
    #[inline]
    fn next_id(&self) -> EmissionId {
        let mut id = self.last_id.get() + 1;
        if id.is_multiple_of(BLOCK) {
            id = next_block();
        }
        self.last_id.set(id);
        EmissionId::new(id)
    }

    /// Where the level of `depth` is kept.
    #[inline]
    pub(super) fn cell(&self, depth: u32) -> &Cell<Level> {
        &self.levels[(depth as usize).min(LEVELS - 1)]
    }

    /// The innermost level.
    pub(super) fn top(&self) -> Level {
        self.depth.get().checked_sub(1).map_or(Level::NONE, |top| self.cell(top).get())
    }

    /// The emission at the outer end of the chain.
    fn root(&self) -> EmissionId {
        self.levels[0].get().emission
    }

    #[cold]
    fn is_refused(&self, depth: u32, limit: u32) -> bool {
        if depth < limit {
            return depth > 0 && storms::contains(self.root());
        }
        if depth > 0 {
            storms::add(self.root());
        }
        true
    }
}

const BLOCK: u64 = 1024;

#[cold]
#[inline(never)]
fn next_block() -> u64 {
    static BLOCKS: AtomicU64 = AtomicU64::new(0);
    BLOCKS.fetch_add(1, Ordering::Relaxed) * BLOCK + 1
}

/// An emission on the stack; popped when this is dropped, also while a panic unwinds.
pub(crate) struct Nested {
    pub(crate) emission: EmissionId,
    /// Whether a deadline or a signal of the emissions around it applies.
    pub(crate) is_limited: bool,
    /// What the last level held, for an emission that shares it.
    covered: Option<Box<Level>>,
}

/// The chain may not grow any longer.
pub(crate) struct Refused;

/// An emission on the stack that has no limits around it and none of its own; popped when this is dropped.
pub(crate) struct NestedPlain {
    pub(crate) emission: EmissionId,
}

impl NestedPlain {
    /// The limit for [`push`](Self::push): each of its levels has a place of its own.
    pub(crate) fn deepest(limit: u32) -> u32 {
        limit.min(LEVELS_U32)
    }

    /// Pushes an emission of `event`, if nothing about the running code needs a closer look.
    #[inline]
    pub(crate) fn push(bus: BusId, event: &'static EventType, limit: u32) -> Option<Self> {
        with_stack(|stack| {
            let depth = stack.depth.get();
            // Outside of all emissions there are no limits, and no storm.
            if depth >= limit || depth > 0 && (stack.state.get() & LIMITED != 0 || storms::any()) {
                return None;
            }
            let emission = stack.next_id();
            stack.levels[depth as usize % LEVELS].set(Level { emission, event: Some(event), bus: Some(bus) });
            stack.depth.set(depth + 1);
            Some(Self { emission })
        })
    }
}

impl Drop for NestedPlain {
    #[inline]
    fn drop(&mut self) {
        with_stack(|stack| stack.depth.set(stack.depth.get() - 1));
    }
}

impl Nested {
    /// Pushes an emission of `event`.
    pub(crate) fn push(bus: BusId, event: &'static EventType, limit: u32) -> Result<Self, Refused> {
        with_stack(|stack| {
            let depth = stack.depth.get();
            if (depth >= limit || storms::any()) && stack.is_refused(depth, limit) {
                return Err(Refused);
            }
            let emission = stack.next_id();
            let cell = stack.cell(depth);
            let covered = if depth as usize >= LEVELS { Some(Box::new(cell.get())) } else { None };
            cell.set(Level { emission, event: Some(event), bus: Some(bus) });
            stack.depth.set(depth + 1);
            Ok(Self { emission, is_limited: stack.state.get() & LIMITED != 0, covered })
        })
    }
}

impl Drop for Nested {
    #[inline]
    fn drop(&mut self) {
        with_stack(|stack| {
            let depth = stack.depth.get() - 1;
            stack.depth.set(depth);
            if let Some(covered) = &self.covered {
                stack.cell(depth).set(**covered);
            }
        });
    }
}

/// The id of an emission that does not begin: it is on no stack.
#[cold]
pub(crate) fn refused_id() -> EmissionId {
    with_stack(Stack::next_id)
}

/// The chain of the running code, and at its end the event whose emission was refused.
#[cold]
pub(crate) fn chain(refused: &'static EventType, limit: u32) -> Chain {
    with_stack(|stack| {
        let depth = stack.depth.get();
        let kept = (depth as usize).min(LEVELS);
        let first = (kept + 1).saturating_sub(SHOWN);
        let events = stack.levels[first..kept].iter().filter_map(|level| level.get().event).chain([refused]).collect();
        Chain { depth, events, is_spent: depth < limit }
    })
}
