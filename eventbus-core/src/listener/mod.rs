//! Floor 1: what can listen, what is known of a listener, and how its call can end.

mod callable;
mod info;
mod outcome;
mod render;
mod stderr;
mod subject;

pub use callable::{AsyncListener, AsyncStateListener, BoxError, Ok, Return, StateListener, SyncListener};
pub(crate) use callable::{Never, ReturnFuture, async_callable, callable};
pub use info::{ListenerId, ListenerInfo, ListenerKind};
pub use outcome::{Chain, Failure, NotRun, Outcome};
pub(crate) use render::source_of;
pub(crate) use render::{ErrorText, Excerpt};
pub(crate) use stderr::{flush_stderr, to_stderr};
pub(crate) use subject::Subject;
