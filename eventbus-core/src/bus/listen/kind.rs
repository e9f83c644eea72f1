//! Marker types: which verbs may still end the registration of a [`Listener`](super::Listener), and what its closure takes.

use crate::call::Isolated;

/// Nothing has been chosen that would exclude a verb.
#[derive(Debug, Clone, Copy)]
pub struct AnyKind(());

/// It has a timeout: `on_async` or `on_blocking`.
#[derive(Debug, Clone, Copy)]
pub struct Timed(());

/// It gets a task of its own: `on_async`.
#[derive(Debug, Clone, Copy)]
pub struct Spawned(());

/// It has no state.
#[derive(Debug, Clone, Copy)]
pub struct NoState(pub(super) ());

/// It has been given state.
#[derive(Debug)]
pub struct With<S>(pub(super) Isolated<S>);

/// It does not take a context.
#[derive(Debug, Clone, Copy)]
pub struct NoContext(());

/// It takes a context.
#[derive(Debug, Clone, Copy)]
pub struct WithContext(());

mod sealed {
    pub trait Kind {}
    impl Kind for super::AnyKind {}
    impl Kind for super::Timed {}
    impl Kind for super::Spawned {}
}

/// What kinds of listeners are still possible.
pub trait Kind: sealed::Kind {
    /// What they are once there is a timeout.
    type Timed: Kind;
}

impl Kind for AnyKind {
    type Timed = Timed;
}

impl Kind for Timed {
    type Timed = Self;
}

impl Kind for Spawned {
    type Timed = Self;
}

/// May end with `on`.
#[diagnostic::on_unimplemented(
    message = "a listener with `timeout` or `spawned` cannot end with `on`",
    label = "runs on the emitting thread, and can be neither stopped nor moved",
    note = "end with `on_async`, or with `on_blocking` after `timeout`"
)]
pub trait Inline: sealed::Kind {}
impl Inline for AnyKind {}

/// May end with `on_blocking`.
#[diagnostic::on_unimplemented(
    message = "a listener with `spawned` cannot end with `on_blocking`",
    label = "runs on a thread of its own anyway",
    note = "leave `spawned` out, or end with `on_async`"
)]
pub trait Blocks: sealed::Kind {}
impl Blocks for AnyKind {}
impl Blocks for Timed {}
