//! Makes the trees of a trace from its records.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    outcome::TraceOutcome,
    record::{CausedBy, Recorded, TraceRecord},
    tree::{Correlation, NodeFacts, Trace, TraceCause, Traced},
};
use crate::call::{EmissionId, MessageId};

/// Puts each record below the one that caused it. Records come in the order of their numbers.
pub(super) fn build(records: Vec<TraceRecord>, capacity: Option<usize>, fallen: u64) -> Trace {
    let mut tree = Tree::with_capacity(records.len());
    let mut known = Known::default();
    for record in records {
        let (parent, missing_cause) = known.parent_of(&record);
        let node = tree.add(parent, node_of(&record, missing_cause));
        known.add(&record, node);
        for call in record.calls {
            let called = NodeFacts {
                number: call.number,
                what: Traced::Call { listener: call.listener },
                began: call.span.began,
                took: call.span.took,
                outcome: call.span.outcome,
                missing_cause: None,
                more_calls: 0,
                ..tree.pending[node].node.clone()
            };
            let at = tree.add(Some(node), called);
            known.calls.insert(call.number, at);
        }
    }
    Trace { nodes: tree.in_order(), capacity, fallen }
}

fn node_of(record: &TraceRecord, missing_cause: Option<TraceCause>) -> NodeFacts {
    let (what, correlation) = match &record.what {
        Recorded::Emission { id, root, correlation } => {
            let correlation = correlation.map_or(Correlation::Emission(*root), Correlation::Message);
            (Traced::Emission { id: *id }, correlation)
        }
        Recorded::Publish { message, correlation } => {
            (Traced::Publish { message: *message }, Correlation::Message(*correlation))
        }
        Recorded::Delivery { message, correlation, group, attempt, handler, source } => {
            let (group, source) = (Arc::clone(group), Arc::clone(source));
            let (message, attempt, handler) = (*message, *attempt, handler.clone());
            let what = Traced::Delivery { message, group, attempt, handler, source };
            (what, Correlation::Message(*correlation))
        }
    };
    NodeFacts {
        number: record.number,
        parent: None,
        depth: 0,
        event: Arc::from(record.subject.to_string()),
        what,
        correlation,
        began: record.span.began,
        took: record.span.took,
        outcome: record.span.outcome.clone(),
        missing_cause,
        more_calls: record.more_calls,
    }
}

/// Where to find what may have caused something: the places of nodes.
#[derive(Default)]
struct Known {
    emissions: HashMap<EmissionId, usize>,
    calls: HashMap<u64, usize>,
    publishes: HashMap<MessageId, usize>,
    deliveries: HashMap<MessageId, Vec<Delivered>>,
}

/// A delivery that may have caused something.
struct Delivered {
    number: u64,
    node: usize,
    /// The moment of its end.
    ended: Option<std::time::SystemTime>,
    is_dead: bool,
}

impl Known {
    fn add(&mut self, record: &TraceRecord, node: usize) {
        match &record.what {
            Recorded::Emission { id, .. } => {
                self.emissions.insert(*id, node);
            }
            Recorded::Publish { message, .. } => {
                self.publishes.insert(*message, node);
            }
            Recorded::Delivery { message, .. } => {
                let span = &record.span;
                let ended = span.took.and_then(|took| span.began.checked_add(took));
                let is_dead = span.outcome.word() == TraceOutcome::DEAD_LETTER;
                let delivered = Delivered { number: record.number, node, ended, is_dead };
                self.deliveries.entry(*message).or_default().push(delivered);
            }
        }
    }

    /// The node that caused a record; else the cause that is not there, if something caused it.
    fn parent_of(&self, record: &TraceRecord) -> (Option<usize>, Option<TraceCause>) {
        let (parent, cause) = match record.cause {
            CausedBy::Nothing => return (None, None),
            CausedBy::Emission { id, call } => {
                let call = call.and_then(|call| self.calls.get(&call)).copied();
                (call.or_else(|| self.emissions.get(&id).copied()), TraceCause::Emission(id))
            }
            CausedBy::Delivery { message, number } => {
                (self.delivery(record, message, number), TraceCause::Delivery(message))
            }
            CausedBy::Publish => {
                let Recorded::Delivery { message, source, .. } = &record.what else { return (None, None) };
                let cause = TraceCause::Publish { message: *message, source: Arc::clone(source) };
                (self.publishes.get(message).copied(), cause)
            }
        };
        if parent.is_some() { (parent, None) } else { (None, Some(cause)) }
    }

    /// The delivery of a message that caused a record. If it is not known which one, it is one that ran at that time; a dead letter
    /// is told behind the end of its delivery.
    fn delivery(&self, record: &TraceRecord, message: MessageId, number: Option<u64>) -> Option<usize> {
        let deliveries = self.deliveries.get(&message)?;
        if let Some(number) = number {
            // It may have fallen out of the ring, and a later attempt not.
            return deliveries.iter().find(|delivered| delivered.number == number).map(|delivered| delivered.node);
        }
        let ran =
            |one: &&Delivered| one.ended.is_none_or(|ended| ended + Duration::from_micros(1) >= record.span.began);
        let mut latest_first = deliveries.iter().rev();
        let found = latest_first.clone().find(ran).or_else(|| latest_first.clone().find(|one| one.is_dead));
        found.or_else(|| latest_first.next()).map(|delivered| delivered.node)
    }
}

/// Nodes in the order in which they were added, each behind its parent.
struct Tree {
    pending: Vec<PendingNode>,
}

struct PendingNode {
    node: NodeFacts,
    children: Vec<usize>,
}

impl Tree {
    fn with_capacity(nodes: usize) -> Self {
        Self { pending: Vec::with_capacity(nodes) }
    }

    fn add(&mut self, parent: Option<usize>, mut node: NodeFacts) -> usize {
        let at = self.pending.len();
        if let Some(parent) = parent {
            let above = &mut self.pending[parent];
            above.children.push(at);
            node.correlation = above.node.correlation;
            node.depth = above.node.depth + 1;
        }
        node.parent = parent;
        self.pending.push(PendingNode { node, children: Vec::new() });
        at
    }

    /// The nodes with those below each right behind it.
    fn in_order(self) -> Vec<NodeFacts> {
        let numbers: Vec<_> = self.pending.iter().map(|pending| pending.node.number).collect();
        // The last one is next.
        let mut next: Vec<_> = (0..numbers.len()).filter(|at| self.pending[*at].node.parent.is_none()).rev().collect();
        let mut pending: Vec<_> = self.pending.into_iter().map(Some).collect();
        let mut places = vec![0; pending.len()];
        let mut nodes: Vec<NodeFacts> = Vec::with_capacity(pending.len());
        while let Some(at) = next.pop() {
            let Some(PendingNode { mut node, mut children }) = pending[at].take() else { continue };
            places[at] = nodes.len();
            node.parent = node.parent.map(|parent| places[parent]);
            nodes.push(node);
            children.sort_by_key(|child| std::cmp::Reverse(numbers[*child]));
            next.extend(children);
        }
        nodes
    }
}
