//! The options of publishing an event, and what it needs while it waits.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{super::outbox::Ticket, guard::PublishGuard, wait::SendingWait};
use crate::{
    call::{Cause, MessageId},
    interleave,
    transport::{BoxFuture, Message, Schedule},
};

#[derive(Default)]
pub(in crate::publish) struct Options<'b> {
    pub(in crate::publish) key: Option<Box<str>>,
    pub(in crate::publish) id: Option<MessageId>,
    pub(in crate::publish) when: Option<When>,
    pub(in crate::publish) dedupe: Option<Duration>,
    pub(in crate::publish) limit: Option<Limit>,
    pub(in crate::publish) tokens: Vec<CancellationToken>,
    pub(in crate::publish) until: Vec<BoxFuture<'b, ()>>,
    /// The delivery that is being handled where it is published.
    pub(super) cause: Option<Cause>,
    /// Whether that is a delivery of this bus.
    pub(super) is_inside: bool,
    /// The message as a transport is sent it that carries bytes; the event itself stays here.
    pub(super) bytes: Option<Message>,
    pub(super) guard: PublishGuard,
    /// Whether a test fakes the publish: the transport is not asked.
    pub(super) is_faked: bool,
    /// When the wait is over, once it has begun.
    pub(super) deadline: Option<Instant>,
    pub(super) waiting: Option<SendingWait<'b>>,
    pub(super) state: SendingState,
}

#[derive(Default)]
pub(super) enum SendingState {
    /// The event has not been made a message yet, or all is done.
    #[default]
    Idle,
    /// Offered, and not taken yet.
    Offered(Message),
    /// In the outbox; the message is kept to hand it back.
    Sent(Message, Ticket),
}

/// How long to wait.
#[derive(Clone, Copy)]
pub(in crate::publish) enum Limit {
    For(Duration),
    Until(Instant),
}

impl Limit {
    /// `None` on overflow: never.
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::For(time) => Instant::now().checked_add(time),
            Self::Until(at) => Some(at),
        }
    }
}

/// When the message may be handed out.
#[derive(Clone, Copy)]
pub(in crate::publish) enum When {
    After(Duration),
    At(SystemTime),
}

impl When {
    pub(super) fn schedule(self) -> Schedule {
        let (now, far) = (Instant::now(), Duration::from_secs(1 << 30));
        match self {
            Self::After(delay) => {
                let delay = delay.min(far);
                Schedule { at: interleave::system_time() + delay, due: Some(now + delay) }
            }
            Self::At(at) => {
                let left = at.duration_since(interleave::system_time()).unwrap_or_default();
                Schedule { at, due: Some(now + left.min(far)) }
            }
        }
    }
}
