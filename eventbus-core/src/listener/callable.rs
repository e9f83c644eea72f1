//! The shapes of code that can listen.
//!
//! Each trait has `Fn(..)` as its supertrait, so that `bus.on::<UserCreated>(|e| ..)` infers `e` with one type parameter
//! and takes `()` as well as a `Result`. They are implemented for every closure, fn item and method that fits.

use std::{error::Error, sync::Arc};

/// Any error, as listeners return it.
pub type BoxError = Box<dyn Error + Send + Sync>;

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<E> Sealed for Result<(), E> {}
    impl Sealed for super::Never {}

    /// Names `!`, which stable Rust writes only behind an arrow.
    pub trait Output {
        type Of;
    }
    impl<T> Output for fn() -> T {
        type Of = T;
    }
}

/// What `|_| todo!()` returns.
pub(crate) type Never = <fn() -> ! as sealed::Output>::Of;

/// What a listener returns: `()`, or a `Result<(), E>` whose error converts into [`BoxError`].
#[diagnostic::on_unimplemented(
    message = "a listener returns `()` or `Result<(), E>`, not `{Self}`",
    label = "this returns `{Self}`",
    note = "a future, such as an `async` block, is for `on_async`; given to `on`, or with a `;` behind it, it would never run",
    note = "otherwise end the body with `;`, or with `eventbus::Ok(())`",
    note = "the error of a `Result` is a text, or implements `Error + Send + Sync`; instead of `Box<dyn Error>` write `eventbus::BoxError`"
)]
pub trait Return: sealed::Sealed {
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

#[diagnostic::do_not_recommend]
impl Return for Never {
    fn into_result(self) -> Result<(), BoxError> {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> Return for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// A future that a listener or handler returns: every future. It is a trait of its own for its message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a future, which an async listener or a handler returns",
    label = "this returns `{Self}`",
    note = "write `|e| async move {{ .. }}`, or `|e, delivery| async move {{ .. }}` for a handler",
    note = "a listener that waits for nothing is for `on`"
)]
pub trait ReturnFuture: Future {}

#[diagnostic::do_not_recommend]
impl<T: Future> ReturnFuture for T {}

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
/// # use eventbus_core as eventbus;
/// # use eventbus_core::{Bus, Event, EventName};
/// # struct Line(String);
/// # impl Event for Line { const NAME: EventName = EventName::new("line"); }
/// # let bus = Bus::new();
/// bus.on::<Line>(|line| {
///     let number: u64 = line.0.parse()?;
///     println!("{number}");
///     eventbus::Ok(())
/// });
/// # assert!(bus.emit(Line("7".into())).blocking().is_ok());
/// ```
#[expect(non_snake_case, reason = "stands in for `Result::Ok`")]
pub fn Ok(unit: ()) -> Result<(), BoxError> {
    Result::Ok(unit)
}

/// Declares a shape of synchronous code and implements it for every function that fits.
macro_rules! callable {
    ($(#[$meta:meta])* $name:ident[$($param:ident),*]($($arg:ty),*)) => {
        $(#[$meta])*
        pub trait $name<$($param),*>: Fn($($arg),*) -> Self::Returns + Send + Sync + 'static {
            /// What the call returns.
            type Returns: $crate::listener::Return;
        }

        impl<F, R: $crate::listener::Return, $($param),*> $name<$($param),*> for F
        where
            F: Fn($($arg),*) -> R + Send + Sync + 'static,
        {
            type Returns = R;
        }
    };
}
pub(crate) use callable;

/// The same for asynchronous code.
macro_rules! async_callable {
    ($(#[$meta:meta])* $name:ident[$($param:ident),*]($($arg:ty),*)) => {
        $(#[$meta])*
        pub trait $name<$($param),*>: Fn($($arg),*) -> Self::Future + Send + Sync + 'static {
            /// The future of a call.
            type Future: Future<Output = Self::Returns> + Send + 'static;
            /// What the future ends with.
            type Returns: $crate::listener::Return;
        }

        impl<F, T, $($param),*> $name<$($param),*> for F
        where
            F: Fn($($arg),*) -> T + Send + Sync + 'static,
            T: $crate::listener::ReturnFuture<Output: $crate::listener::Return> + Send + 'static,
        {
            type Future = T;
            type Returns = T::Output;
        }
    };
}
pub(crate) use async_callable;

callable! {
    /// Code that runs on the emitting thread, or on the blocking pool: `Fn(&E)`.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not a listener",
        label = "not a closure or function that takes the event",
        note = "to an event type: `on::<UserCreated>(|e| ..)`; by name or pattern: `on_pattern(\"user.*\", |e| ..)?`"
    )]
    SyncListener[E](&E)
}
callable! {
    /// The same with state: `Fn(S, &E)`, `S` cloned for each call.
    StateListener[S, E](S, &E)
}
async_callable! {
    /// Code that waits: `Fn(Arc<E>) -> Future`.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not an async listener",
        label = "not a closure or function that takes the event",
        note = "to an event type: `on_async::<UserCreated>(|e| async move {{ .. }})`; by name or pattern: `on_pattern_async`"
    )]
    AsyncListener[E](Arc<E>)
}
async_callable! {
    /// The same with state: `Fn(S, Arc<E>) -> Future`, `S` cloned for each call.
    AsyncStateListener[S, E](S, Arc<E>)
}
