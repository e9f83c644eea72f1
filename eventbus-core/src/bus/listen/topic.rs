//! What a listener listens to: an event type, or names that match a pattern.

use crate::event::{Event, EventName};

mod sealed {
    pub trait Topic {
        const NAME: Option<super::EventName>;
    }
}
pub(super) use sealed::Topic as Sealed;

/// What a [`Listener`](super::Listener) listens to: an event type, or [`ByPattern`].
pub trait Topic: Sealed {}

/// Listens to names.
#[derive(Debug, Clone, Copy)]
pub struct ByPattern(());

impl<E: Event> Sealed for E {
    const NAME: Option<EventName> = Some(E::NAME);
}

impl Sealed for ByPattern {
    const NAME: Option<EventName> = None;
}

impl<E: Event> Topic for E {}
impl Topic for ByPattern {}
