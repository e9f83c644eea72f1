//! What can go wrong when a program is wired with what is known at run time only: modules and names.

use std::{error::Error, fmt, panic::Location, sync::Arc};

use crate::{
    event::EventType,
    listener::{BoxError, ErrorText},
    pattern::PatternError,
    registry::{Claim, Conflict},
};

/// An error returned by what registers modules, and by what registers or declares with run-time names.
///
/// It names both sides of a conflict, with their places in the source.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WiringError {
    /// The pattern is malformed.
    #[error(transparent)]
    Pattern(#[from] PatternError),

    /// Another type has the event's name and version on this bus.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),

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
    #[error("{}", ErrorText::with_sources(&**.0))]
    Refused(Arc<dyn Error + Send + Sync>),
}

impl WiringError {
    /// The error of a [`Module`](crate::Module) that cannot be wired for a reason of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// use std::sync::Arc;
    /// use eventbus::{Bus, Module, Scope, WiringError};
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
        Self::Refused(reason.into().into())
    }
}

/// Shows the message: what a module refuses with is bounded there.
impl fmt::Debug for WiringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WiringError({self})")
    }
}

/// Two event types with one name and version on one bus.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0}")]
pub struct NameTaken(pub(crate) Conflict);

impl NameTaken {
    /// The type that has the name, and where it was first used on this bus, or listed.
    pub fn first(&self) -> (&'static EventType, &'static Location<'static>) {
        let Claim { event, location } = self.0.first;
        (event, location)
    }

    /// The type that came later, and where.
    pub fn second(&self) -> (&'static EventType, &'static Location<'static>) {
        let Claim { event, location } = self.0.second;
        (event, location)
    }
}
