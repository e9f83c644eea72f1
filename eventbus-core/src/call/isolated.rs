//! Values of the user whose drop may panic: the panic is contained.

use crate::event::isolate;

/// A user's value, dropped in isolation: a panic of its `Drop` does not unwind into the code that drops it.
#[derive(Debug)]
pub(crate) struct Isolated<T>(Option<T>);

impl<T> Isolated<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    #[inline]
    pub(crate) fn get(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("only `drop` takes the value"),
        }
    }
}

impl<T> Drop for Isolated<T> {
    fn drop(&mut self) {
        drop_isolated(&mut || drop(self.0.take()));
    }
}

/// Not generic: each `Isolated<T>` adds only the drop of its `T`.
fn drop_isolated(drop: &mut dyn FnMut()) {
    // The panic hook has shown the panic; there is nobody left to report it to.
    let _ = isolate(drop);
}
