//! The frame: who is emitting inside whom.
//!
//! A frame says which emission the code that runs now belongs to. It sits in a thread-local that a guard sets and restores
//! around user code, so it follows the call chain and not the thread: a hundred emissions side by side have depth 1 each.
//! It serves the recursion limit and the causality of emissions.

use std::{
    cell::{Cell, RefCell},
    fmt, mem,
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
    #[inline]
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

/// The delivery that a handler runs for: what it publishes is caused by it.
#[cfg(feature = "publish")]
#[derive(Clone, Copy)]
pub(crate) struct Cause {
    /// The bus whose handler it is.
    pub(crate) bus: BusId,
    /// The id of the message.
    pub(crate) message: u128,
    /// The id of the first message of the chain.
    pub(crate) correlation: u128,
    /// How many messages of the chain came before this one.
    pub(crate) hops: u32,
    /// The events of the chain's last messages, the newest first.
    pub(crate) trail: [Option<&'static EventType>; CAUSES],
}

/// How many events of a chain of messages are kept for the message of its error.
#[cfg(feature = "publish")]
pub(crate) const CAUSES: usize = 4;

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
    /// The delivery whose handler is in the chain, if one is.
    #[cfg(feature = "publish")]
    pub(crate) cause: Option<Cause>,
}

thread_local! {
    static CURRENT: RefCell<Frame> = const { RefCell::new(Frame::OUTSIDE) };
}

/// No code of others runs inside, so it is never borrowed twice.
#[inline]
fn with_current<T>(look: impl FnOnce(&mut Frame) -> T) -> T {
    CURRENT.with(|current| look(&mut current.borrow_mut()))
}

impl Frame {
    /// The frame of code that no emission has called.
    pub(crate) const OUTSIDE: Self = Self {
        emission: EmissionId(0),
        depth: 0,
        in_hook: false,
        buses: [None; BUSES],
        more_buses: false,
        trail: [None; TRAIL],
        #[cfg(feature = "publish")]
        cause: None,
    };

    /// The frame of the code that runs now on this thread; `None` outside of all emissions.
    pub(crate) fn current() -> Option<Self> {
        with_current(|frame| frame.is_inside_any().then_some(*frame))
    }

    /// The same, or [`OUTSIDE`](Self::OUTSIDE).
    pub(crate) fn now() -> Self {
        with_current(|frame| *frame)
    }

    /// Whether there is a current frame.
    #[inline]
    pub(crate) fn is_set() -> bool {
        with_current(|frame| frame.is_inside_any())
    }

    #[inline]
    fn is_inside_any(&self) -> bool {
        self.depth > 0 || self.in_hook || self.is_in_handler()
    }

    #[cfg(feature = "publish")]
    #[inline]
    fn is_in_handler(&self) -> bool {
        self.cause.is_some()
    }

    #[cfg(not(feature = "publish"))]
    #[expect(clippy::unused_self, reason = "as with the feature `publish`")]
    fn is_in_handler(&self) -> bool {
        false
    }

    /// Makes this the current frame until the guard is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered { outer: with_current(|frame| mem::replace(frame, self)) }
    }

    /// The chain of the current frame, and at its end the event whose emission was refused.
    #[cold]
    pub(crate) fn chain(refused: &'static EventType) -> Chain {
        let frame = Self::now();
        let last = frame.depth as usize;
        let first = (last + 1).saturating_sub(TRAIL);
        let events = (first..last).filter_map(|at| frame.trail[at % TRAIL]).chain([refused]).collect();
        Chain { depth: frame.depth, events }
    }

    /// Whether an emission of this bus is in the chain.
    pub(crate) fn is_inside(&self, bus: BusId) -> bool {
        self.more_buses || self.buses.contains(&Some(bus))
    }

    /// Whether the running code was called by the failure hook.
    pub(crate) fn is_in_hook() -> bool {
        with_current(|frame| frame.in_hook)
    }

    /// The delivery whose handler is in the chain of the running code; of code that no emission and no handler has called, none.
    #[cfg(feature = "publish")]
    pub(crate) fn current_cause() -> Option<Cause> {
        with_current(|frame| frame.cause)
    }

    /// The frame of a handler: of code that no emission has called, and that runs for a delivery.
    #[cfg(feature = "publish")]
    pub(crate) fn of_handler(cause: Cause) -> Self {
        Self { cause: Some(cause), ..Self::OUTSIDE }
    }

    /// Makes this the current frame: code that no emission has called, and that runs for a delivery.
    #[cfg(feature = "publish")]
    #[inline]
    pub(crate) fn enter_handler(cause: &Cause) -> InHandler {
        let plain = with_current(|frame| {
            let plain = !frame.is_inside_any();
            if plain {
                frame.cause = Some(*cause);
            }
            plain
        });
        // A listener that blocks on a runtime may poll handlers inside its emission.
        InHandler { outer: if plain { None } else { Some(Box::new(Self::of_handler(*cause).enter())) } }
    }

    /// Marks the code that runs until the guard is dropped as the failure hook's.
    pub(crate) fn enter_hook() -> Entered {
        with_current(|frame| Self { in_hook: true, ..*frame }).enter()
    }
}

/// Ends the frame of a handler when it is dropped, also while a panic unwinds. Frames are large: where there is no outer one, only
/// what differs is set and taken back.
#[cfg(feature = "publish")]
pub(crate) struct InHandler {
    outer: Option<Box<Entered>>,
}

#[cfg(feature = "publish")]
impl Drop for InHandler {
    #[inline]
    fn drop(&mut self) {
        if self.outer.is_none() {
            with_current(|frame| frame.cause = None);
        }
    }
}

/// Restores the outer frame when it is dropped, also while a panic unwinds.
pub(crate) struct Entered {
    outer: Frame,
}

impl Drop for Entered {
    fn drop(&mut self) {
        with_current(|frame| *frame = self.outer);
    }
}

/// A new emission inside the current frame, which is its frame until this is dropped. Changes and restores the little that
/// differs: frames are large, and emissions are many.
pub(crate) struct Descended {
    pub(crate) emission: EmissionId,
    outer: EmissionId,
    /// What stood in the trail where the event stands now.
    covered: Option<&'static EventType>,
    /// Where its bus was added.
    added: usize,
}

/// In place of a place: the bus was in the chain, or there are too many to tell.
const KNOWN: usize = BUSES;

/// In place of a place: it was the first for which there was none.
const BEYOND: usize = BUSES + 1;

impl Descended {
    /// Begins an emission of `event`; `None` if the chain may not grow that long.
    #[inline]
    pub(crate) fn begin(bus: BusId, event: &'static EventType, limit: u32) -> Option<Self> {
        let emission = EmissionId::next();
        with_current(|frame| {
            let depth = frame.depth;
            if depth >= limit {
                return None;
            }
            let added = frame.add(bus);
            let outer = mem::replace(&mut frame.emission, emission);
            let covered = frame.trail[depth as usize % TRAIL].replace(event);
            frame.depth = depth + 1;
            Some(Self { emission, outer, covered, added })
        })
    }
}

impl Drop for Descended {
    #[inline]
    fn drop(&mut self) {
        with_current(|frame| {
            frame.depth -= 1;
            frame.trail[frame.depth as usize % TRAIL] = self.covered;
            frame.emission = self.outer;
            match self.added {
                KNOWN => {}
                0 => frame.buses[0] = None,
                added => frame.take(added),
            }
        });
    }
}

impl Frame {
    /// Adds a bus, if it is not known, and says where.
    #[inline]
    fn add(&mut self, bus: BusId) -> usize {
        match &mut self.buses[0] {
            Some(known) if *known == bus => KNOWN,
            Some(_) => self.add_another(bus),
            first @ None => {
                *first = Some(bus);
                0
            }
        }
    }

    #[cold]
    fn add_another(&mut self, bus: BusId) -> usize {
        for (at, place) in self.buses.iter_mut().enumerate() {
            if *place == Some(bus) {
                return KNOWN;
            }
            if place.is_none() {
                *place = Some(bus);
                return at;
            }
        }
        if mem::replace(&mut self.more_buses, true) { KNOWN } else { BEYOND }
    }

    /// Undoes [`add`](Self::add).
    #[cold]
    fn take(&mut self, added: usize) {
        match self.buses.get_mut(added) {
            Some(place) => *place = None,
            None => self.more_buses = added != BEYOND,
        }
    }
}
