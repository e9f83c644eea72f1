//! Listeners: registering them with options, and what the bus tells about them.
//!
//! [`Listener`] is what [`Bus::listener`](crate::Bus::listener) begins; [`ListenerInfo`] describes a listener in
//! reports, in lists and to interceptors. The traits whose names end in `Listener` are implemented by closures, and
//! name what a closure may be; the type states after them say which options and verbs a [`Listener`] has left.
//! Programs name neither.

pub use eventbus_core::{Listener, ListenerId, ListenerInfo, ListenerKind, Return};

// Closures.
pub use eventbus_core::{
    AsyncContextListener, AsyncContextStateListener, AsyncListener, AsyncPatternContextListener,
    AsyncPatternContextStateListener, AsyncPatternListener, AsyncPatternStateListener, AsyncStateListener,
    ContextListener, ContextStateListener, PatternContextListener, PatternContextStateListener, PatternListener,
    PatternStateListener, StateListener, SyncListener,
};

// Type states.
pub use eventbus_core::{
    AnyKind, Blocks, ByPattern, Inline, Kind, NoContext, NoState, Spawned, Timed, Topic, With, WithContext,
};
