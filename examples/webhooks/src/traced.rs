//! `--trace`: everything that one delivery has caused.

use eventbus::{
    Bus,
    trace::{TraceNode, Traced},
};

use crate::input::{Delivery, Input};

/// How many records the bus keeps: more than any delivery causes.
pub(crate) const RECORDS: usize = 1_000;

/// Emits every delivery of `input`, and gives the tree of the one that has caused the most: the first of those, if several have.
pub(crate) fn largest_tree(bus: &Bus, input: &mut Input) -> Option<String> {
    let mut buffer = Vec::new();
    let mut largest = None;
    while let Some((_, read)) = input.next_line(&mut buffer) {
        // What is wrong with others is told by a run without `--trace`.
        let Ok(Ok(delivery)) = read.map(|()| Delivery::parse(&buffer)) else { continue };
        let Ok(emit) = bus.emit_json(&format!("github.{}", delivery.event), delivery.payload) else { continue };
        let report = emit.blocking();
        // Its failures are in the trace; to look at them is to have read them.
        let _ = report.is_ok();
        let trace = bus.trace();
        let is_root =
            |root: &TraceNode<'_>| matches!(root.what(), Traced::Emission { id, .. } if Some(*id) == report.emission());
        let Some(root) = trace.roots().find(is_root) else { continue };
        let size = root.subtree().count();
        if largest.as_ref().is_none_or(|(most, _)| size > *most) {
            largest = Some((size, root.to_string()));
        }
    }
    largest.map(|(_, tree)| tree)
}
