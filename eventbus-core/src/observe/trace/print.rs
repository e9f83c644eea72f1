//! A trace as indented text.

use std::fmt;

use super::{
    took::Took,
    tree::{Trace, TraceCause, TraceNode, Traced},
};
use crate::listener::Excerpt;

/// Prints one line for each node, indented below its parent.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.capacity.is_none() {
            return writeln!(f, "this bus keeps no trace: build it with `Bus::builder().trace(1_000)`");
        }
        if self.nodes.is_empty() {
            return writeln!(f, "nothing was emitted, published or delivered on this bus yet");
        }
        self.indented(f, 0)?;
        if self.fallen > 0 {
            let s = if self.fallen == 1 { "" } else { "s" };
            writeln!(f, "({} older record{s} not kept)", self.fallen)?;
        }
        Ok(())
    }
}

impl Trace {
    /// Prints the trees behind so many spaces.
    pub(in crate::observe) fn indented(&self, f: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        self.nodes().try_for_each(|node| line(f, node, indent + 2 * node.depth()))
    }
}

impl fmt::Display for TraceNode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subtree().try_for_each(|node| line(f, node, 2 * (node.depth() - self.depth())))
    }
}

fn line(f: &mut fmt::Formatter<'_>, node: TraceNode<'_>, indent: usize) -> fmt::Result {
    let event = Excerpt(node.event());
    write!(f, "{:indent$}", "")?;
    match node.what() {
        Traced::Emission { id } => write!(f, "emit {event} #{id}")?,
        Traced::Call { listener } => write!(f, "{listener}, {}", listener.kind().word())?,
        Traced::Publish { message } => write!(f, "publish {event} {message}")?,
        Traced::Delivery { message, group, attempt, handler, .. } => {
            // Below its publish, what is delivered need not be said again.
            if node.parent().is_none() {
                write!(f, "deliver {event} {message} ")?;
            }
            match handler {
                Some(handler) => write!(f, "{handler}")?,
                None => write!(f, "group `{}`, which has no handler for it", Excerpt(group))?,
            }
            write!(f, ", attempt {attempt}")?;
        }
    }
    write!(f, ": {}", node.outcome())?;
    if let Some(took) = node.took() {
        write!(f, ", {}", Took(took))?;
    }
    match node.missing_cause() {
        None => {}
        Some(TraceCause::Emission(id)) => write!(f, " (caused by emission #{id}, which is not in this trace)")?,
        Some(TraceCause::Delivery(id)) => {
            write!(f, " (caused by a handler of message {id}, which is not in this trace)")?;
        }
        Some(TraceCause::Publish { source, .. }) => {
            write!(f, " (published by `{}`, not in this trace)", Excerpt(source))?;
        }
    }
    writeln!(f)?;
    if node.more_calls() > 0 {
        writeln!(f, "{:1$}({2} more listeners)", "", indent + 2, node.more_calls())?;
    }
    Ok(())
}
