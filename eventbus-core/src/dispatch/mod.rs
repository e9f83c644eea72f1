//! Floor 3: runs one snapshot. Order, isolation, and the frame that tells who is emitting inside whom.

mod any_event;
mod arounds;
mod by_name;
mod call;
mod clock;
mod context;
mod driven;
mod frame;
mod intercept;
mod name_callable;
mod pending;
mod run;
mod signal;
mod start;
mod tally;
#[cfg(feature = "tokio")]
mod task;
#[cfg(feature = "tokio")]
mod tasks;
mod wait;
mod work;

pub(crate) use crate::event::isolate;
pub(crate) use crate::listener::to_stderr;
pub use any_event::AnyEvent;
#[cfg(feature = "serde")]
pub use any_event::JsonError;
pub(crate) use any_event::{Content, ShareEvent, Unclaimed};
pub(crate) use arounds::{Arounds, Pass};
pub(crate) use by_name::{ByNameCode, NameCode, NameFilter, adapt};
pub(crate) use call::{AsyncCall, Code, Filter, Filtered, Isolated, ListenerFuture, SyncCall};
pub(crate) use clock::{Clock, Deadline, Timer, has_fired};
pub use context::{AsyncContextListener, AsyncContextStateListener, Context, ContextListener, ContextStateListener};
pub(crate) use context::{Host, Scene};
pub use frame::EmissionId;
#[cfg(feature = "publish")]
pub(crate) use frame::{CAUSES, Cause};
pub(crate) use frame::{Descended, Entered, Frame};
pub(crate) use intercept::Gate;
pub use intercept::{Around, CallEnd, EmissionInfo};
pub use name_callable::{
    AsyncNameContextListener, AsyncNameContextStateListener, AsyncNameListener, AsyncNameStateListener,
    NameContextListener, NameContextStateListener, NameListener, NameStateListener,
};
pub(crate) use pending::Pending;
pub(crate) use run::run_sync;
pub(crate) use signal::{LazySignal, Signal};
pub(crate) use start::{Stage, start_late};
pub(crate) use tally::{Stop, Tally};
#[cfg(feature = "tokio")]
pub use tasks::InFlight;
#[cfg(feature = "tokio")]
pub(crate) use tasks::{TaskKind, TaskToken, Tasks};
pub(crate) use wait::{Mode, Wait};

use crate::registry::{Member, Slot, Snapshot};

/// The slot of an event type.
pub(crate) type EventSlot<E> = Slot<dyn SyncCall<E>, dyn AsyncCall<E>>;

/// A listener of an event type.
pub(crate) type EventMember<E> = Member<dyn SyncCall<E>, dyn AsyncCall<E>>;

/// The listeners of an event type at one moment.
pub(crate) type EventSnapshot<E> = Snapshot<dyn SyncCall<E>, dyn AsyncCall<E>>;
