//! What can go wrong when a module is registered, and the conflict of two types that have one name.

use std::{error::Error, fmt, panic::Location, sync::Arc};

use crate::{
    event::EventType,
    listener::{BoxError, ErrorText},
    pattern::PatternError,
    registry::{Claim, Conflict},
};

/// An error returned by [`Module::register`](crate::Module::register), and by the two methods that call it:
/// [`Bus::register`](crate::Bus::register) and [`Scope::register`](crate::Scope::register).
///
/// It has a variant for each thing that can fail in `register`, so that a module needs nothing but `?`. It names both sides of a
/// conflict, with their places in the source.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WiringError {
    /// The pattern of a listener is malformed.
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

/// Two event types with one name and version on one bus; returned by [`Bus::declare`](crate::Bus::declare) and its like.
///
/// # Examples
///
/// ```
/// # use eventbus_core as eventbus;
/// use eventbus::{Bus, Event, EventName};
///
/// struct UserCreated;
/// struct Impostor;
/// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
/// # impl Event for Impostor { const NAME: EventName = EventName::new("user.created"); }
///
/// let bus = Bus::new();
/// bus.declare::<UserCreated>()?;
///
/// let taken = bus.declare::<Impostor>().unwrap_err();
/// let ((first, line), (second, _)) = (taken.first(), taken.second());
/// println!("{} has the name since {line}, {} comes too late", first.rust_type(), second.rust_type());
/// # Ok::<(), eventbus::NameTaken>(())
/// ```
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
