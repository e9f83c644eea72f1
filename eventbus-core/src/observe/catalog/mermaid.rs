//! The catalog as a Mermaid map.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use super::{Catalog, CatalogEvent};
use crate::{listener::ListenerInfo, pattern::Pattern};

/// What makes listeners one node of the map: scope, label, pattern.
type NodeKey<'a> = (Option<&'a str>, String, Option<&'a str>);

impl Catalog {
    /// A map of events and listeners, for [Mermaid](https://mermaid.js.org): an arrow leads from an event to who listens
    /// to it, a dotted one if that listens by pattern, a thick one to a consumer group that is given it.
    ///
    /// Listeners of one name in one scope are one node, scopes are boxes. To `**`, which matches every name, no arrows are
    /// drawn. Mermaid itself refuses maps of more than 500 arrows unless its `maxEdges` is raised.
    pub fn to_mermaid(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` does not fail.
        let _ = self.write_mermaid(&mut text);
        text
    }

    fn write_mermaid(&self, f: &mut impl Write) -> fmt::Result {
        let mut nodes = BTreeMap::new();
        let listeners = self.events.iter().flat_map(CatalogEvent::listeners);
        for listener in listeners.chain(self.by_pattern.iter().map(|listener| &listener.info)) {
            nodes.insert(node(listener), 0);
        }
        for (number, id) in nodes.values_mut().enumerate() {
            *id = number;
        }
        writeln!(f, "flowchart LR")?;
        for (number, event) in self.events.iter().enumerate() {
            writeln!(f, "  e{number}([{}])", quoted(&event.wire_type()))?;
        }
        let mut scope = None;
        let mut scopes = 0;
        for ((own, label, pattern), id) in &nodes {
            if scope != *own {
                close(f, scope)?;
                scope = *own;
                if let Some(name) = scope {
                    writeln!(f, "  subgraph s{scopes}[{}]", quoted(name))?;
                    scopes += 1;
                }
            }
            match pattern {
                Some(pattern) => writeln!(f, "  l{id}{{{{{}}}}}", quoted(&format!("{label}\n{pattern}")))?,
                None => writeln!(f, "  l{id}[{}]", quoted(label))?,
            }
        }
        close(f, scope)?;
        for (number, event) in self.events.iter().enumerate() {
            let mut ends: Vec<_> = event.listeners().iter().map(node).filter(|(.., by)| *by != Some("**")).collect();
            ends.sort_unstable();
            ends.dedup();
            for end in ends {
                let arrow = if end.2.is_some() { "-.->" } else { "-->" };
                writeln!(f, "  e{number} {arrow} l{}", nodes[&end])?;
            }
        }
        for (number, group) in self.groups.iter().enumerate() {
            writeln!(f, "  g{number}[[{}]]", quoted(group.name()))?;
            let is_given = |event: &CatalogEvent| group.events().contains(&event.wire_type());
            // To those that are given every event no arrows are drawn either.
            let given = self.events.iter().enumerate().filter(|(_, event)| !group.handles_rest() && is_given(event));
            given.into_iter().try_for_each(|(event, _)| writeln!(f, "  e{event} ==> g{number}"))?;
        }
        Ok(())
    }
}

fn close(f: &mut impl Write, scope: Option<&str>) -> fmt::Result {
    if scope.is_some() { writeln!(f, "  end") } else { Ok(()) }
}

fn node(listener: &ListenerInfo) -> NodeKey<'_> {
    let location = listener.location();
    let label = listener.name().map_or_else(|| format!("{}:{}", location.file(), location.line()), str::to_owned);
    (listener.scope(), label, listener.pattern().map(Pattern::as_str))
}

/// A label that is no more than a label, whatever is in it. Line ends become line breaks.
fn quoted(text: &str) -> String {
    let mut label = String::from("\"");
    for char in text.chars() {
        match char {
            '\n' => label.push_str("<br/>"),
            char if char.is_control() => label.push(' '),
            char if char.is_alphanumeric() || " ._-/:*,()".contains(char) => label.push(char),
            // `#` and the number, as Mermaid writes characters that it would read otherwise.
            char => _ = write!(label, "#{};", u32::from(char)),
        }
    }
    label + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_its_quotes_or_be_markup() {
        assert_eq!(quoted("a.b (src/main.rs:1)"), "\"a.b (src/main.rs:1)\"");
        assert_eq!(quoted("\"]<b>`#;"), "\"#34;#93;#60;b#62;#96;#35;#59;\"");
        assert_eq!(quoted("a\n*"), "\"a<br/>*\"");
    }
}
