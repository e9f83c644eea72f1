//! The shapes of code that can listen.
//!
//! Each trait has `Fn(..)` as its supertrait, so that `bus.on::<UserCreated>(|e| ..)` infers `e` with one type parameter
//! and takes `()` as well as a `Result`. They are implemented for every closure, fn item and method that fits.

use std::error::Error;

/// Any error, as listeners return it.
pub type BoxError = Box<dyn Error + Send + Sync>;

mod sealed {
    pub trait Return {}
    impl Return for () {}
    impl<E> Return for Result<(), E> {}
}

/// What a listener returns: `()`, or a `Result<(), E>` whose error converts into [`BoxError`].
#[diagnostic::on_unimplemented(
    message = "a listener returns `()` or `Result<(), E>`, not `{Self}`",
    label = "this returns `{Self}`",
    note = "end the body with `;`, or with `eventbus::Ok(())`; an error must convert into `Box<dyn Error + Send + Sync>`"
)]
pub trait Return: sealed::Return {
    /// The result, its error boxed.
    ///
    /// # Errors
    ///
    /// The listener's own error.
    fn into_result(self) -> Result<(), BoxError>;
}

impl Return for () {
    fn into_result(self) -> Result<(), BoxError> {
        Result::Ok(())
    }
}

impl<E: Into<BoxError>> Return for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// `Ok(())` with the error type of listeners, for closures that use `?`.
///
/// A closure that ends with a plain `Ok(())` does not say what its error type is; `eventbus::Ok(())` does.
///
/// # Errors
///
/// Never; it is the good end of a closure.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct Line(String);
/// # impl Event for Line { const NAME: EventName = EventName::new("line"); }
/// # let bus = Bus::new();
/// bus.on::<Line>(|line| {
///     let number: u64 = line.0.parse()?;
///     println!("{number}");
///     eventbus_core::Ok(())
/// });
/// # assert!(bus.emit(Line("7".into())).blocking().is_ok());
/// ```
#[expect(non_snake_case, reason = "stands in for `Result::Ok`")]
pub fn Ok(unit: ()) -> Result<(), BoxError> {
    Result::Ok(unit)
}

macro_rules! callable {
    ($(#[$meta:meta])* $name:ident[$($param:ident),+]($($arg:ty),*)) => {
        $(#[$meta])*
        pub trait $name<$($param),+>: Fn($($arg),*) -> Self::Returns + Send + Sync + 'static {
            /// What the call returns.
            type Returns: Return;
        }

        impl<F, R: Return, $($param),+> $name<$($param),+> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
        {
            type Returns = R;
        }
    };
}

callable! {
    /// Code that runs on the emitting thread: `Fn(&E)`.
    SyncListener[E](&E)
}
callable! {
    /// The same with state: `Fn(S, &E)`, `S` cloned for each call.
    StateListener[S, E](S, &E)
}
