//! What can go wrong when a program is wired at run time.

use std::panic::Location;

use crate::listener::BoxError;

/// An error returned by [`Bus::register`](crate::Bus::register) and by what else is wired at run time.
///
/// It names both sides of a conflict, with their places in the source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WiringError {
    /// The same instance is registered on this bus already. What the first registration gave ends it with `off()`.
    #[error("module `{module}` is registered already, at {first}; end that registration, or register another instance")]
    #[non_exhaustive]
    AlreadyRegistered {
        /// The module's name.
        module: String,
        /// Where it was registered first.
        first: &'static Location<'static>,
    },

    /// The scope that a module was to be registered through is closed, or its bus is gone.
    #[error("module `{module}` has nowhere to go: scope `{scope}` is closed, or its bus is gone")]
    #[non_exhaustive]
    Closed {
        /// The module's name.
        module: String,
        /// The scope's name.
        scope: String,
    },

    /// A module has refused to be wired; made by [`refused`](Self::refused).
    #[error(transparent)]
    Refused(BoxError),
}

impl WiringError {
    /// The error of a [`Module`](crate::Module) that cannot be wired for a reason of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use eventbus_core::{Bus, Module, Scope, WiringError};
    ///
    /// struct Mailer { server: String }
    ///
    /// impl Module for Mailer {
    ///     fn name(&self) -> &str {
    ///         "mailer"
    ///     }
    ///
    ///     fn register(self: Arc<Self>, _: &Scope) -> Result<(), WiringError> {
    ///         if self.server.is_empty() {
    ///             return Err(WiringError::refused("the mailer has no server"));
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let error = Bus::new().register(Arc::new(Mailer { server: String::new() })).unwrap_err();
    /// assert_eq!(error.to_string(), "the mailer has no server");
    /// ```
    pub fn refused(reason: impl Into<BoxError>) -> Self {
        Self::Refused(reason.into())
    }
}
