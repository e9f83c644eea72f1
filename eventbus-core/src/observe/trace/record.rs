//! What is recorded of an emission, a publish or a delivery.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use super::outcome::TraceOutcome;
use crate::{
    call::{EmissionId, MessageId},
    interleave,
    listener::{ListenerId, ListenerInfo, Subject},
};

/// One emission with the calls of its listeners, one publish, or one delivery. Holds no payload, no error and no other code of
/// users: it may be dropped under a lock.
#[derive(Clone)]
pub(super) struct TraceRecord {
    /// Numbers grow in the order in which things begin.
    pub(super) number: u64,
    pub(super) subject: Subject,
    pub(super) what: Recorded,
    pub(super) cause: CausedBy,
    pub(super) span: Span,
    pub(super) calls: Vec<Call>,
    /// How many calls there were besides.
    pub(super) more_calls: usize,
}

#[derive(Clone)]
pub(super) enum Recorded {
    Emission {
        id: EmissionId,
        root: EmissionId,
        /// Of the messages that it belongs to.
        correlation: Option<MessageId>,
    },
    Publish {
        message: MessageId,
        correlation: MessageId,
    },
    Delivery {
        message: MessageId,
        correlation: MessageId,
        group: Arc<str>,
        attempt: u32,
        handler: Option<ListenerInfo>,
        source: Arc<str>,
    },
}

/// What caused an emission or a publish.
#[derive(Clone, Copy)]
pub(super) enum CausedBy {
    Nothing,
    /// Code that an emission runs, if known one of its calls.
    Emission {
        id: EmissionId,
        call: Option<u64>,
    },
    /// Code that handles a message, if known a certain delivery of it.
    Delivery {
        message: MessageId,
        number: Option<u64>,
    },
    /// Of a delivery: the publish of its message.
    Publish,
}

/// The call of a listener, or that there was none.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) listener: ListenerInfo,
    pub(super) span: Span,
}

/// When something began, how long it took, and how it ended.
#[derive(Clone)]
pub(super) struct Span {
    at: Instant,
    pub(super) began: SystemTime,
    pub(super) took: Option<Duration>,
    pub(super) outcome: TraceOutcome,
}

impl Span {
    pub(super) fn begin() -> Self {
        Self { at: Instant::now(), began: interleave::system_time(), took: None, outcome: TraceOutcome::RUNNING }
    }

    /// Of what has not run.
    pub(super) fn of_nothing(outcome: TraceOutcome) -> Self {
        Self { outcome, ..Self::begin() }
    }

    pub(super) fn end(&mut self, outcome: TraceOutcome) {
        (self.took, self.outcome) = (Some(self.at.elapsed()), outcome);
    }
}

impl TraceRecord {
    /// How many calls of an emission are kept.
    pub(super) const MAX_CALLS: usize = 256;

    /// Adds a call, if there is room.
    pub(super) fn add_call(&mut self, call: impl FnOnce() -> Call) {
        if self.calls.len() < Self::MAX_CALLS {
            self.calls.push(call());
        } else {
            self.more_calls += 1;
        }
    }

    pub(super) fn has_called(&self, listener: ListenerId) -> bool {
        self.calls.iter().any(|call| call.listener.id() == listener)
    }
}
