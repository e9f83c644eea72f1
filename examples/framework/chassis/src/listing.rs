//! What is wired, as text: the admin page of an application.

use std::fmt;

use eventbus::{Bus, catalog::CatalogEvent, listener::ListenerInfo};

/// The modules of an application and what they hear. Displayed, it is a table, and below it the events that nobody hears, if there are some.
///
/// It is a copy: what is wired afterwards is not in it.
#[derive(Debug, Clone)]
pub struct Listing {
    rows: Vec<[String; 4]>,
    unheard: Vec<String>,
}

const HEAD: [&str; 4] = ["MODULE", "LISTENER", "HEARS", "AT"];

impl Listing {
    pub(crate) fn of(app: &str, bus: &Bus, modules: impl Iterator<Item = String>) -> Self {
        let catalog = bus.catalog();
        let listeners = bus.listener_infos();
        let mut rows = Vec::new();
        for module in modules {
            let scope = format!("{app}/{module}");
            let before = rows.len();
            for listener in listeners.iter().filter(|listener| is_within(listener, &scope)) {
                let matches = catalog.by_pattern().iter().find(|listening| listening.info().id() == listener.id());
                rows.push(row(&module, listener, matches.map_or(&[], |listening| listening.matches())));
            }
            if rows.len() == before {
                rows.push([module, "-".into(), "-".into(), "-".into()]);
            }
        }
        let is_unheard = |event: &&CatalogEvent| event.listeners().is_empty();
        let unheard = catalog.events().iter().filter(is_unheard).map(CatalogEvent::wire_type).collect();
        Self { rows, unheard }
    }

    /// The lines of the table: module, listener, what it hears, and where in the source.
    pub fn rows(&self) -> &[[String; 4]] {
        &self.rows
    }

    /// Events that have been emitted or declared, and that nobody hears.
    pub fn unheard(&self) -> &[String] {
        &self.unheard
    }
}

/// In the scope itself, or in a module inside of it.
fn is_within(listener: &ListenerInfo, scope: &str) -> bool {
    let rest = listener.scope().and_then(|own| own.strip_prefix(scope));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn row(module: &str, listener: &ListenerInfo, matches: &[String]) -> [String; 4] {
    let name = listener.name().map_or_else(|| listener.id().to_string(), str::to_owned);
    let hears = match (listener.event(), listener.pattern()) {
        (Some(event), _) => event.wire_type().to_string(),
        (None, Some(pattern)) => format!("{pattern} ({})", matches.join(", ")),
        (None, None) => "-".to_owned(),
    };
    let at = listener.location();
    [module.to_owned(), name, hears, format!("{}:{}", at.file(), at.line())]
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = HEAD.map(str::len);
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.len());
            }
        }
        let [module, listener, hears, _] = widths;
        let mut line = |[first, second, third, last]: [&str; 4]| {
            writeln!(f, "{first:module$}  {second:listener$}  {third:hears$}  {last}")
        };
        line(HEAD)?;
        for row in &self.rows {
            line(row.each_ref().map(String::as_str))?;
        }
        if self.unheard.is_empty() {
            return Ok(());
        }
        writeln!(f, "nobody hears: {}", self.unheard.join(", "))
    }
}
