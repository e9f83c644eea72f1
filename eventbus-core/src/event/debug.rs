//! The `Debug` of an event type, where it has one: what messages of failed assertions print.

use std::{
    any::Any,
    fmt::{self, Debug},
    marker::PhantomData,
};

/// Prints an event of one type by its own `Debug`.
pub type DebugFn = fn(&(dyn Any + Send + Sync), &mut fmt::Formatter<'_>) -> fmt::Result;

/// Finds the `Debug` of a type: `DebugOf::<E>::DEBUG`, with [`NoDebug`] in scope, is the constant here if `E` has one, else that
/// of the trait. The derive writes this for types without parameters, of which the compiler knows whether they have one.
#[derive(Debug)]
pub struct DebugOf<E>(PhantomData<E>);

impl<E: Debug + 'static> DebugOf<E> {
    /// Prints an `E`.
    pub const DEBUG: Option<DebugFn> = Some(print::<E>);
}

/// Stands in for [`DebugOf::DEBUG`] of types without `Debug`.
pub trait NoDebug {
    /// Nothing to print with.
    const DEBUG: Option<DebugFn> = None;
}

impl<E> NoDebug for DebugOf<E> {}

fn print<E: Debug + 'static>(event: &(dyn Any + Send + Sync), f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match (event as &dyn Any).downcast_ref::<E>() {
        Some(event) => event.fmt(f),
        None => Ok(()),
    }
}
