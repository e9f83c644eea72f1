//! What a module does when the application starts and stops.

use std::{pin::Pin, sync::Arc};

use eventbus::{BoxError, Module, Scope, Subscription, WiringError};

/// A module with a beginning and an end.
///
/// `#[listeners]` makes a service a [`Module`]; this adds what is to be done before its first event and after its last. Both
/// may be left out.
pub trait Lifecycle: Module {
    /// Opens what the module needs. It hears no event before this has ended.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from working: the application does not start.
    fn start(&self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }

    /// Closes what [`start`](Self::start) has opened. The module hears no event any more, and no call of it is under way.
    /// Modules that were started before it still listen.
    ///
    /// # Errors
    ///
    /// Whatever could not be closed; the other modules are stopped all the same.
    fn stop(&self) -> impl Future<Output = Result<(), BoxError>> + Send {
        async { Ok(()) }
    }
}

type Hook<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

/// A [`Lifecycle`] whose type is forgotten: one `async fn` in a trait cannot be called through a `dyn`.
pub(crate) trait AnyLifecycle: Send + Sync {
    fn name(&self) -> &str;
    fn start(&self) -> Hook<'_>;
    fn stop(&self) -> Hook<'_>;
    fn register(self: Arc<Self>, scope: &Scope) -> Result<Subscription, WiringError>;
}

impl<L: Lifecycle> AnyLifecycle for L {
    fn name(&self) -> &str {
        Module::name(self)
    }

    fn start(&self) -> Hook<'_> {
        Box::pin(Lifecycle::start(self))
    }

    fn stop(&self) -> Hook<'_> {
        Box::pin(Lifecycle::stop(self))
    }

    fn register(self: Arc<Self>, scope: &Scope) -> Result<Subscription, WiringError> {
        scope.register(self)
    }
}
