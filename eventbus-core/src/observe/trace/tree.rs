//! A trace as a tree, to be walked.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::outcome::TraceOutcome;
use crate::{
    call::{EmissionId, MessageId},
    listener::{Excerpt, ListenerInfo},
};

/// What has happened on a bus lately, as trees: each thing stands below what caused it. Given by [`Bus::trace`](crate::Bus::trace).
///
/// It is a copy: what happens later is not in it. Printed, it is indented text for people; under the feature `serde` it is serialised
/// as a list, in which each node names its parent. It holds no payloads. Texts of errors are in it, bounded as in reports.
///
/// The cause of something is told by the stack of emissions, across threads and tasks of the bus. Code in a task of a listener's own
/// that emits through [`Context::bus`](crate::Context::bus) stands below the listener's emission, and what such a task of a handler
/// does stands below the latest delivery of the message.
#[derive(Clone)]
pub struct Trace {
    /// Parents before their children, siblings in the order in which they began.
    pub(super) nodes: Vec<NodeFacts>,
    pub(super) capacity: Option<usize>,
    pub(super) fallen: u64,
}

#[derive(Clone)]
pub(super) struct NodeFacts {
    /// Numbers grow in the order in which things began.
    pub(super) number: u64,
    pub(super) parent: Option<usize>,
    pub(super) depth: usize,
    pub(super) event: Arc<str>,
    pub(super) what: Traced,
    pub(super) correlation: Correlation,
    pub(super) began: SystemTime,
    pub(super) took: Option<Duration>,
    pub(super) outcome: TraceOutcome,
    pub(super) missing_cause: Option<TraceCause>,
    pub(super) more_calls: usize,
}

/// What a node of a [`Trace`] is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Traced {
    /// An emission.
    #[non_exhaustive]
    Emission {
        /// Its id.
        id: EmissionId,
    },
    /// The call of a listener, or that it was not called; below its emission.
    #[non_exhaustive]
    Call {
        /// The listener.
        listener: ListenerInfo,
    },
    /// A publish.
    #[non_exhaustive]
    Publish {
        /// The id of the message.
        message: MessageId,
    },
    /// An attempt to handle a delivery; below the publish of its message.
    #[non_exhaustive]
    Delivery {
        /// The id of the message.
        message: MessageId,
        /// The group.
        group: Arc<str>,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// The handler; `None` if the group has none for it.
        handler: Option<ListenerInfo>,
        /// Which program published the message.
        source: Arc<str>,
    },
}

/// The beginning of a chain: the same in a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Correlation {
    /// An emission, at the outer end of its chain.
    Emission(EmissionId),
    /// A message, the first of its chain.
    Message(MessageId),
}

/// The cause of a root, where that is not in the trace: it is no longer kept, or it happened elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TraceCause {
    /// Code that this emission ran.
    Emission(EmissionId),
    /// Code that handled this message.
    Delivery(MessageId),
    /// The publish of this message, perhaps in another process.
    #[non_exhaustive]
    Publish {
        /// The id of the message.
        message: MessageId,
        /// Which program published it.
        source: Arc<str>,
    },
}

impl Trace {
    /// What nothing in this trace has caused, in the order in which it began.
    pub fn roots(&self) -> impl Iterator<Item = TraceNode<'_>> {
        self.nodes().filter(|node| node.node().parent.is_none())
    }

    /// Everything: parents before their children, siblings in the order in which they began.
    pub fn nodes(&self) -> impl Iterator<Item = TraceNode<'_>> {
        (0..self.nodes.len()).map(|at| TraceNode { trace: self, at })
    }

    /// The tree in which this message was published or delivered.
    pub fn root_of_message(&self, message: MessageId) -> Option<TraceNode<'_>> {
        self.nodes().find(|node| node.message_id() == Some(message)).map(TraceNode::root)
    }

    /// The last `most` emissions and publishes of an event, and deliveries without their publish, each with what is right below it: calls
    /// and deliveries.
    pub(in crate::observe) fn latest(&self, event: &str, most: usize) -> Self {
        let is_one = |node: &TraceNode<'_>| {
            node.event() == event
                && match node.what() {
                    Traced::Emission { .. } | Traced::Publish { .. } => true,
                    Traced::Delivery { .. } => node.parent().is_none(),
                    Traced::Call { .. } => false,
                }
        };
        let mut found: Vec<_> = self.nodes().filter(is_one).collect();
        found.sort_by_key(|node| node.node().number);
        let mut nodes = Vec::new();
        for root in found.split_off(found.len().saturating_sub(most)) {
            let at = nodes.len();
            nodes.push(NodeFacts { parent: None, depth: 0, ..root.node().clone() });
            let is_part = |node: &TraceNode<'_>| matches!(node.what(), Traced::Call { .. } | Traced::Delivery { .. });
            let part = |node: TraceNode<'_>| NodeFacts { parent: Some(at), depth: 1, ..node.node().clone() };
            nodes.extend(root.children().filter(is_part).map(part));
        }
        Self { nodes, capacity: self.capacity, fallen: 0 }
    }

    /// How many emissions, publishes and deliveries the bus keeps; `None` if it keeps no trace.
    pub fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    /// How many were kept before, and have made room for newer ones.
    pub fn fallen(&self) -> u64 {
        self.fallen
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("nodes", &self.nodes.len())
            .field("capacity", &self.capacity)
            .field("fallen", &self.fallen)
            .finish()
    }
}

/// A node of a [`Trace`]. Printed, it is the tree below it.
#[derive(Clone, Copy)]
pub struct TraceNode<'a> {
    pub(super) trace: &'a Trace,
    pub(super) at: usize,
}

impl<'a> TraceNode<'a> {
    pub(super) fn node(self) -> &'a NodeFacts {
        &self.trace.nodes[self.at]
    }

    /// What it is.
    pub fn what(self) -> &'a Traced {
        &self.node().what
    }

    /// The wire type of the event: its name, with its version where that is not 1.
    pub fn event(self) -> &'a str {
        &self.node().event
    }

    /// The listener of a call, or the handler of a delivery.
    pub fn listener(self) -> Option<&'a ListenerInfo> {
        match self.what() {
            Traced::Call { listener } => Some(listener),
            Traced::Delivery { handler, .. } => handler.as_ref(),
            Traced::Emission { .. } | Traced::Publish { .. } => None,
        }
    }

    /// The message of a publish or a delivery.
    pub fn message_id(self) -> Option<MessageId> {
        match self.what() {
            Traced::Publish { message } | Traced::Delivery { message, .. } => Some(*message),
            Traced::Emission { .. } | Traced::Call { .. } => None,
        }
    }

    /// When it began.
    pub fn began(self) -> SystemTime {
        self.node().began
    }

    /// How long it took; `None` if it has not ended, or never ran. It includes what it waited for.
    pub fn took(self) -> Option<Duration> {
        self.node().took
    }

    /// How it ended.
    pub fn outcome(self) -> &'a TraceOutcome {
        &self.node().outcome
    }

    /// The beginning of the chain.
    pub fn correlation(self) -> Correlation {
        self.node().correlation
    }

    /// What caused it, if that is in the trace.
    pub fn parent(self) -> Option<Self> {
        let at = self.node().parent?;
        Some(Self { at, ..self })
    }

    /// What caused it, if something did that is not in the trace.
    pub fn missing_cause(self) -> Option<&'a TraceCause> {
        self.node().missing_cause.as_ref()
    }

    /// The root of its tree.
    #[must_use]
    pub fn root(self) -> Self {
        std::iter::successors(Some(self), |node| node.parent()).last().unwrap_or(self)
    }

    /// How far it is from the root of its tree, which is 0.
    pub fn depth(self) -> usize {
        self.node().depth
    }

    /// What it caused, in the order in which that began.
    pub fn children(self) -> impl Iterator<Item = Self> {
        let depth = self.depth() + 1;
        self.below().filter(move |node| node.depth() == depth)
    }

    /// It, and everything below it: parents before their children.
    pub fn subtree(self) -> impl Iterator<Item = Self> {
        std::iter::once(self).chain(self.below())
    }

    fn below(self) -> impl Iterator<Item = Self> {
        let depth = self.depth();
        (self.at + 1..self.trace.nodes.len())
            .map(move |at| Self { at, ..self })
            .take_while(move |node| node.depth() > depth)
    }

    /// How many listeners of an emission were called and are not in the trace: of each emission 256 are.
    pub fn more_calls(self) -> usize {
        self.node().more_calls
    }
}

impl fmt::Debug for TraceNode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceNode")
            .field("event", &Excerpt(self.event()))
            .field("what", self.what())
            .field("outcome", self.outcome())
            .finish_non_exhaustive()
    }
}
