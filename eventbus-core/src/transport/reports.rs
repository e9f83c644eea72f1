//! What a transport tells the bus besides its answers, and how its errors are shown.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Weak},
};

use super::Message;
use crate::listener::{BoxError, ErrorText, Excerpt, source_of};

/// An error of a transport, as [`BusBuilder::on_transport_error`](crate::BusBuilder::on_transport_error) gets it.
#[derive(Clone)]
pub struct TransportError {
    operation: Operation,
    group: Option<Arc<str>>,
    error: Arc<dyn Error + Send + Sync>,
}

/// What a transport was asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Operation {
    /// Say what it can do.
    Capabilities,
    /// Take messages.
    Publish,
    /// Open a group.
    Subscribe,
    /// Hand out messages.
    Read,
    /// Settle leases.
    Settle,
    /// Extend leases.
    Extend,
    /// Stop reading a group.
    CloseSource,
    /// Tell what it knows of its groups.
    Groups,
    /// Remove a group.
    RemoveGroup,
    /// List, replay or discard dead letters.
    DeadLetters,
    /// Tell its health.
    Health,
    /// Close.
    Close,
    /// Something of its own, in the background.
    Background,
}

impl TransportError {
    pub(crate) fn new(operation: Operation, group: Option<Arc<str>>, error: BoxError) -> Self {
        Self { operation, group, error: error.into() }
    }

    /// What the transport was asked to do.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// For which group, where it was for one.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// What the transport says.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.error
    }
}

/// Prints on one line, with the sources of the error.
impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the transport failed to {}", self.operation)?;
        if let Some(group) = &self.group {
            write!(f, " for group `{}`", Excerpt(group))?;
        }
        write!(f, ": {}", ErrorText::with_sources(&*self.error))
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportError({self})")
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        source_of(&*self.error)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capabilities => "say what it can do",
            Self::Publish => "publish",
            Self::Subscribe => "open the group",
            Self::Read => "read",
            Self::Settle => "settle deliveries",
            Self::Extend => "extend leases",
            Self::CloseSource => "stop reading",
            Self::Groups => "tell of its groups",
            Self::RemoveGroup => "remove the group",
            Self::DeadLetters => "serve dead letters",
            Self::Health => "tell its health",
            Self::Close => "close",
            Self::Background => "work in the background",
        })
    }
}

/// The messages that no group wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Unrouted {
    /// Those that wait for a group that wants them.
    pub waiting: u64,
    /// Those that were dropped, since too many waited.
    pub dropped: u64,
}

/// Receives what a transport tells.
pub(crate) trait ReportSink: Send + Sync {
    fn transport_error(&self, error: TransportError);
    fn unrouted(&self, message: &Message);
    fn unrouted_dropped(&self, message: &Message);
}

/// By which a transport tells the bus what no answer can carry: errors of its background work, and messages that no group
/// wants. After the bus has gone it does nothing.
#[derive(Clone)]
pub struct TransportReports(Weak<dyn ReportSink>);

impl TransportReports {
    pub(crate) fn new(sink: &Arc<impl ReportSink + 'static>) -> Self {
        let sink: Arc<dyn ReportSink> = Arc::clone(sink) as _;
        Self(Arc::downgrade(&sink))
    }

    /// Tells an error of the transport's own work.
    pub fn error(&self, group: Option<&str>, error: impl Into<BoxError>) {
        if let Some(sink) = self.0.upgrade() {
            sink.transport_error(TransportError::new(Operation::Background, group.map(Arc::from), error.into()));
        }
    }

    /// Tells that no group wants a message. For each: the bus counts them by name.
    pub fn unrouted(&self, message: &Message) {
        if let Some(sink) = self.0.upgrade() {
            sink.unrouted(message);
        }
    }

    /// Tells that a message which no group wanted has made room for a newer one, where a transport drops such messages.
    pub fn unrouted_dropped(&self, message: &Message) {
        if let Some(sink) = self.0.upgrade() {
            sink.unrouted_dropped(message);
        }
    }
}

impl fmt::Debug for TransportReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportReports").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::{Mutex, lock};

    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);

    impl ReportSink for Told {
        fn transport_error(&self, error: TransportError) {
            lock(&self.0).push(format!("{:?} {:?} {}", error.operation(), error.group(), error.error()));
        }

        fn unrouted(&self, message: &Message) {
            lock(&self.0).push(format!("no group wants {}", message.name()));
        }

        fn unrouted_dropped(&self, message: &Message) {
            lock(&self.0).push(format!("dropped {}", message.name()));
        }
    }

    #[test]
    fn what_a_transport_tells_reaches_the_bus_as_long_as_there_is_one() {
        let told = Arc::new(Told::default());
        let reports = TransportReports::new(&told);
        let message = Message::malformed("no name", &[]);
        reports.error(Some("group"), "the line is dead");
        reports.unrouted(&message);
        reports.unrouted_dropped(&message);
        let lines = std::mem::take(&mut *lock(&told.0));
        assert_eq!(lines, ["Background Some(\"group\") the line is dead", "no group wants ", "dropped "]);
        drop(told);
        reports.error(None, "nobody hears it");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the line is dead")]
    struct Dead(#[source] fmt::Error);

    #[test]
    fn an_error_has_the_source_of_what_the_transport_says_and_prints_as_it_displays() {
        let error = TransportError::new(Operation::Read, Some("group".into()), Dead(fmt::Error).into());
        assert_eq!(error.source().map(ToString::to_string), Some(fmt::Error.to_string()));
        assert_eq!(format!("{error:?}"), format!("TransportError({error})"));
        let reports = TransportReports::new(&Arc::new(Told::default()));
        assert!(format!("{reports:?}").starts_with("TransportReports"));
    }
}
