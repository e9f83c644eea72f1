//! The frame: who is emitting inside whom.
//!
//! A frame says which emission the code that runs now belongs to. It sits in a thread-local that a guard sets and restores
//! around user code, so it follows the call chain and not the thread: a hundred emissions side by side have depth 1 each.
//! It serves the recursion limit and the causality of emissions.

use std::{
    cell::Cell,
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{event::EventType, listener::Chain, registry::BusId, sync::thread_local};

/// The identity of one emission, unique in the process.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EmissionId(u64);

impl EmissionId {
    /// The id as a number. Ids of one thread grow; across threads their order says nothing.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Threads take ids in blocks: a counter that every emit writes would be the one cache line all threads fight over.
    fn next() -> Self {
        const BLOCK: u64 = 1024;
        static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);
        std::thread_local! {
            static LAST: Cell<u64> = const { Cell::new(0) };
        }
        LAST.with(|last| {
            let mut id = last.get() + 1;
            if id % BLOCK == 1 {
                id = NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) * BLOCK + 1;
            }
            last.set(id);
            Self(id)
        })
    }
}

impl fmt::Display for EmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How many events of a chain are kept for the message.
const TRAIL: usize = 8;

/// How many buses of a chain are told apart.
const BUSES: usize = 4;

/// The emission that the running code belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) emission: EmissionId,
    /// How many emissions are under way in this chain, this one included.
    depth: u32,
    /// Whether the failure hook runs: what fails inside it is not told to it again.
    in_hook: bool,
    /// The buses of the chain, each once. If there are more, all count as being in it: `off_and_wait` may then refuse to
    /// wait, but never hangs.
    buses: [Option<BusId>; BUSES],
    more_buses: bool,
    /// The event at depth `d` stands at `d % TRAIL`.
    trail: [Option<&'static EventType>; TRAIL],
}

thread_local! {
    static CURRENT: Cell<Option<Frame>> = const { Cell::new(None) };
}

impl Frame {
    /// The frame of the code that runs now on this thread.
    #[inline]
    pub(crate) fn current() -> Option<Self> {
        CURRENT.with(Cell::get)
    }

    /// The frame of code that no emission has called.
    fn outside() -> Self {
        Self {
            emission: EmissionId(0),
            depth: 0,
            in_hook: false,
            buses: [None; BUSES],
            more_buses: false,
            trail: [None; TRAIL],
        }
    }

    /// The frame of a new emission of `event` inside `parent`, if the chain may grow that long.
    #[inline]
    pub(crate) fn child(
        parent: Option<Self>,
        bus: BusId,
        event: &'static EventType,
        limit: u32,
    ) -> Result<Self, Chain> {
        let mut frame = parent.unwrap_or_else(Self::outside);
        let depth = frame.depth;
        frame.trail[depth as usize % TRAIL] = Some(event);
        if depth >= limit {
            return Err(chain(depth, &frame.trail));
        }
        match frame.buses.iter_mut().find(|place| place.is_none_or(|known| known == bus)) {
            Some(place) => *place = Some(bus),
            None => frame.more_buses = true,
        }
        Ok(Self { emission: EmissionId::next(), depth: depth + 1, ..frame })
    }

    /// Makes this the current frame until the guard is dropped.
    #[inline]
    pub(crate) fn enter(self) -> Entered {
        Entered { outer: CURRENT.with(|current| current.replace(Some(self))) }
    }

    /// Whether an emission of this bus is in the chain.
    pub(crate) fn is_inside(&self, bus: BusId) -> bool {
        self.more_buses || self.buses.contains(&Some(bus))
    }

    /// Whether the running code was called by the failure hook.
    pub(crate) fn is_in_hook() -> bool {
        Self::current().is_some_and(|frame| frame.in_hook)
    }

    /// Marks the code that runs until the guard is dropped as the failure hook's.
    pub(crate) fn enter_hook() -> Entered {
        Self { in_hook: true, ..Self::current().unwrap_or_else(Self::outside) }.enter()
    }
}

/// Restores the outer frame when it is dropped, also while a panic unwinds.
pub(crate) struct Entered {
    outer: Option<Frame>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.set(self.outer));
    }
}

/// The chain that ends with the event at `depth`, which was refused.
#[cold]
fn chain(depth: u32, trail: &[Option<&'static EventType>; TRAIL]) -> Chain {
    let last = depth as usize;
    let first = (last + 1).saturating_sub(TRAIL);
    let events = (first..=last).filter_map(|at| trail[at % TRAIL]).collect();
    Chain { depth, events }
}
