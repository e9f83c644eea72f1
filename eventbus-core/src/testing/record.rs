//! What a recorder keeps of an event.

use std::{fmt, sync::Arc};

use crate::{
    call::{AnyEvent, EmissionId, MessageId, UnclaimedContent},
    emission::{EmissionInfo, PublishEnd, PublishInfo},
    listener::Subject,
    sync::{Mutex, lock},
};

/// An event that was emitted or published, as a [`Recorder`](super::Recorder) keeps it.
///
/// Displayed, it says what was done with which event, and nothing of the event's content: `emitted user.created (nobody listens)`.
///
/// # Examples
///
/// ```
/// # use eventbus_core::{self as eventbus, Event, EventName};
/// # struct OrderPlaced;
/// # impl Event for OrderPlaced { const NAME: EventName = EventName::new("order.placed"); }
/// # struct MailRequested;
/// # impl Event for MailRequested { const NAME: EventName = EventName::new("mail.requested"); }
/// use eventbus::testing::Recorder;
///
/// # fn main() -> Result<(), eventbus::EmitError> {
/// let recorder = Recorder::new();
/// let bus = recorder.bus();
/// let inner = bus.downgrade();
/// bus.on::<OrderPlaced>(move |_| match inner.upgrade() {
///     Some(bus) => bus.emit(MailRequested).blocking().into_result().map(drop),
///     None => Ok(()),
/// });
/// bus.emit(OrderPlaced).blocking().into_result()?;
///
/// let records = recorder.records();
/// assert_eq!(records[1].to_string(), "emitted mail.requested (nobody listens)");
/// assert_eq!(records[1].parent(), records[0].emission());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Record {
    event: AnyEvent<'static>,
    what: RecordedAct,
    parent: Option<EmissionId>,
    cause: Option<MessageId>,
    is_faked: bool,
}

#[derive(Clone)]
enum RecordedAct {
    Emitted { emission: EmissionId, is_unheard: bool },
    Published { id: MessageId, state: PublishState },
}

/// How far the publishing of an event has come; filled when it has ended.
#[derive(Clone, Default)]
pub(super) struct PublishState(Arc<Mutex<Option<PublishEnd>>>);

impl PublishState {
    pub(super) fn end(&self, end: &PublishEnd) {
        *lock(&self.0) = Some(end.clone());
    }

    fn get(&self) -> Option<PublishEnd> {
        lock(&self.0).clone()
    }
}

impl Record {
    pub(super) fn of_emission(info: &EmissionInfo<'_>, is_faked: bool) -> Self {
        // The bus has moved the event into an `Arc`, since the recorder asks for that.
        let event = info.event().to_owned().unwrap_or_else(|| nothing(info.event().subject().clone()));
        let what = RecordedAct::Emitted { emission: info.emission(), is_unheard: info.is_unheard() };
        Self { event, what, parent: info.parent(), cause: info.message_id(), is_faked }
    }

    pub(super) fn of_publish(info: &PublishInfo<'_>, is_faked: bool) -> (Self, PublishState) {
        let message = info.message();
        let event = message.event().unwrap_or_else(|| nothing(message.subject.clone()));
        let state = PublishState::default();
        let what = RecordedAct::Published { id: message.id(), state: state.clone() };
        (Self { event, what, parent: info.emission(), cause: message.causation_id(), is_faked }, state)
    }

    /// The event.
    pub fn event(&self) -> &AnyEvent<'static> {
        &self.event
    }

    /// The event's name.
    pub fn name(&self) -> &str {
        self.event.name()
    }

    /// The event's version.
    pub fn version(&self) -> u32 {
        self.event.version()
    }

    /// Whether it was emitted.
    pub fn is_emitted(&self) -> bool {
        matches!(self.what, RecordedAct::Emitted { .. })
    }

    /// Whether it was published: the transport has taken it, or the recorder [fakes](super::Recorder::fake) it. What has been offered,
    /// and waits or was refused, is neither emitted nor published.
    pub fn is_published(&self) -> bool {
        matches!(&self.what, RecordedAct::Published { state, .. } if state.get().is_some_and(|end| end.is_ok()))
    }

    /// Whether the recorder has faked it: no listener was called, or no transport asked.
    pub fn is_faked(&self) -> bool {
        self.is_faked
    }

    /// Whether nobody listened to the event that was emitted.
    pub fn is_unheard(&self) -> bool {
        matches!(self.what, RecordedAct::Emitted { is_unheard: true, .. })
    }

    /// The id of the emission, if it was emitted.
    pub fn emission(&self) -> Option<EmissionId> {
        match self.what {
            RecordedAct::Emitted { emission, .. } => Some(emission),
            RecordedAct::Published { .. } => None,
        }
    }

    /// The id of the message, if it was published.
    pub fn message_id(&self) -> Option<MessageId> {
        match self.what {
            RecordedAct::Published { id, .. } => Some(id),
            RecordedAct::Emitted { .. } => None,
        }
    }

    /// The emission whose listener emitted or published it.
    pub fn parent(&self) -> Option<EmissionId> {
        self.parent
    }

    /// The message whose handler emitted or published it, directly or through other emissions.
    pub fn cause(&self) -> Option<MessageId> {
        self.cause
    }

    pub(super) fn wire_type(&self) -> &Subject {
        self.event.subject()
    }

    /// What was done with the event, and what is special about it.
    pub(super) fn words(&self) -> (&'static str, String) {
        match &self.what {
            _ if self.is_faked && self.is_emitted() => ("emitted", " (faked)".into()),
            _ if self.is_faked => ("published", " (faked)".into()),
            RecordedAct::Emitted { is_unheard: true, .. } => ("emitted", " (nobody listens)".into()),
            RecordedAct::Emitted { .. } => ("emitted", String::new()),
            RecordedAct::Published { state, .. } => match state.get() {
                None => ("offered", " (not published yet)".into()),
                Some(end) => match end.reason() {
                    None => ("published", String::new()),
                    Some(reason) => ("offered", format!(" (not published: {reason})")),
                },
            },
        }
    }
}

/// Stands for an event that cannot be read.
fn nothing(subject: Subject) -> AnyEvent<'static> {
    AnyEvent::of_content(subject, UnclaimedContent::Value(Arc::new(())))
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, note) = self.words();
        write!(f, "{verb} {}{note}", self.wire_type())
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({self})")
    }
}
