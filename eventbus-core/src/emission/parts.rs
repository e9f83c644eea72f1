//! State that the floors above keep with a bus, found by its type.

use std::any::Any;

/// What the floors above keep with a bus, each its own state, found by its type. The builder fills it; it never changes.
///
/// A bus holds its consumers, those a weak handle of the bus: in one place of that circle the type must be unknown, and this is
/// the place (decision 0050).
#[derive(Default)]
pub(crate) struct Parts(Vec<Box<dyn Any + Send + Sync>>);

impl Parts {
    /// Adds the state of a floor. Those that are asked for most often come first.
    #[must_use]
    pub(crate) fn with<T: Any + Send + Sync>(mut self, part: T) -> Self {
        self.0.push(Box::new(part));
        self
    }

    /// The state of that type.
    #[inline]
    pub(crate) fn get<T: Any>(&self) -> &T {
        self.0.iter().find_map(|part| part.downcast_ref()).expect("the builder gives every bus all of its parts")
    }
}
