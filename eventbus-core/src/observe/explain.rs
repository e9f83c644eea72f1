//! What would run for a name, and what would not.

use std::{
    fmt::{self, Display},
    sync::Arc,
};

use super::CatalogEvent;
use crate::{
    emission::Bus,
    listener::{ListenerInfo, ListenerKind},
    named::{MalformedName, UnknownVersion, WireType},
};

impl Bus {
    /// What an emission under this name would do now: which type claims it, who would run in which order, and which
    /// listeners by pattern would not. Listeners that are off or cleared are not there, and listeners to other types have
    /// nothing to do with it.
    ///
    /// # Errors
    ///
    /// [`MalformedName`] if the name is malformed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct IssueOpened;
    /// # impl Event for IssueOpened { const NAME: EventName = EventName::new("issues.opened"); }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bus = Bus::new();
    /// bus.listener::<IssueOpened>().named("triage").filter(|_| true).on(|_| {});
    /// bus.listener_pattern("pull_request.**")?.named("review").on(|_| {});
    ///
    /// let explanation = bus.explain("issues.opened")?;
    /// assert_eq!(explanation.runs().len(), 1);
    /// let text = explanation.to_string();
    /// assert!(text.contains("1. listener `triage`"), "{text}");
    /// assert!(text.contains("asks its filter"), "{text}");
    /// assert!(text.contains("`pull_request.**` does not match"), "{text}");
    ///
    /// assert!(bus.explain("issues..opened").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn explain(&self, name: &str) -> Result<Explanation, MalformedName> {
        let wire = WireType::parse(name)?;
        let (claims, known_versions) = match self.claims(wire) {
            Ok(claims) => (claims, Vec::new()),
            Err(UnknownVersion { known, .. }) => (Vec::new(), known),
        };
        let claims: Vec<_> =
            claims.into_iter().filter_map(|event| self.known_event(event)).map(CatalogEvent::new).collect();
        let (mut matching, others): (Vec<_>, Vec<_>) = self
            .infos_by_pattern()
            .into_iter()
            .partition(|info| info.pattern().is_some_and(|pattern| pattern.matches(wire.name)));
        // The order of turns; the sort is stable.
        matching.sort_by_key(|info| info.kind() != ListenerKind::Sync);
        let wire_type = wire.to_string();
        let groups = self.consumers().groups_of(wire.name, wire.version);
        Ok(Explanation { wire_type, version: wire.version, known_versions, claims, matching, others, groups })
    }
}

/// What an emission under a name would do; made by [`Bus::explain`]. Prints as a few lines for people.
///
/// Under the feature `serde` it can be serialised.
#[derive(Clone, Debug)]
pub struct Explanation {
    wire_type: String,
    version: u32,
    known_versions: Vec<u32>,
    claims: Vec<CatalogEvent>,
    matching: Vec<ListenerInfo>,
    others: Vec<ListenerInfo>,
    groups: Vec<Arc<str>>,
}

impl Explanation {
    /// What was asked for: the name, with its version where that is not 1.
    pub fn wire_type(&self) -> &str {
        &self.wire_type
    }

    /// The types that claim it: none, one, or several that share it.
    pub fn claims(&self) -> &[CatalogEvent] {
        &self.claims
    }

    /// The versions in which the name is known, if it is not known in the one asked for: then an emission by name is an
    /// error. Empty otherwise.
    pub fn known_versions(&self) -> &[u32] {
        &self.known_versions
    }

    /// Who would run, in the order of their turns. If several types share the name, their listeners one type after the
    /// other: an event is of one of them.
    pub fn runs(&self) -> Vec<&ListenerInfo> {
        match (&self.claims[..], &self.known_versions[..]) {
            ([], []) => self.matching.iter().collect(),
            (claims, _) => claims.iter().flat_map(CatalogEvent::listeners).collect(),
        }
    }

    /// The listeners by pattern that would not run: all whose patterns do not match, or every one if the version is unknown.
    pub fn unmoved(&self) -> Vec<&ListenerInfo> {
        let stopped = if self.known_versions.is_empty() { &[][..] } else { &self.matching[..] };
        stopped.iter().chain(&self.others).collect()
    }

    /// The groups whose consumers on this bus handle it. They get it when it is published, not when it is emitted.
    pub fn groups(&self) -> &[Arc<str>] {
        &self.groups
    }
}

impl Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.wire_type;
        if !self.known_versions.is_empty() {
            let known: Vec<_> = self.known_versions.iter().map(u32::to_string).collect();
            let (version, known) = (self.version, known.join(", "));
            writeln!(
                f,
                "`{name}`: version {version} is not known to this bus, which knows {known}; emitting it is an error"
            )?;
        } else if self.claims.is_empty() {
            writeln!(f, "`{name}` is claimed by no type")?;
            turns(f, &self.matching)?;
        }
        for event in &self.claims {
            let (rust_type, place) = (event.event_type().rust_type(), event.location());
            writeln!(f, "`{name}` is `{rust_type}`, first used at {}:{}{}", place.file(), place.line(), codec(event))?;
            turns(f, event.listeners())?;
        }
        if !self.groups.is_empty() {
            let groups: Vec<_> = self.groups.iter().map(|group| format!("`{}`", group.escape_debug())).collect();
            writeln!(f, "published, it goes to the groups {}", groups.join(", "))?;
        }
        let unmoved = self.unmoved();
        if !unmoved.is_empty() {
            writeln!(f, "does not run:")?;
        }
        for info in unmoved {
            let pattern = info.pattern().map_or("", |pattern| pattern.as_str());
            let why = if self.matching.iter().any(|other| other.id() == info.id()) {
                "matches, but nothing is emitted"
            } else {
                "does not match"
            };
            writeln!(f, "  {info}: `{pattern}` {why}")?;
        }
        Ok(())
    }
}

fn turns(f: &mut fmt::Formatter<'_>, listeners: &[ListenerInfo]) -> fmt::Result {
    if listeners.is_empty() {
        return writeln!(f, "nobody listens");
    }
    writeln!(f, "runs, in this order:")?;
    for (turn, info) in (1..).zip(listeners) {
        write!(f, "  {turn}. {info}: {}", info.kind().word())?;
        if info.priority() != 0 {
            write!(f, ", priority {}", info.priority())?;
        }
        if let Some(scope) = info.scope() {
            write!(f, ", scope `{}`", scope.escape_debug())?;
        }
        if let Some(pattern) = info.pattern() {
            write!(f, ", by pattern `{pattern}`")?;
        }
        if info.is_filtered() {
            f.write_str("; asks its filter")?;
        }
        if info.is_once() {
            f.write_str("; once, not yet spent")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

#[cfg(feature = "serde")]
fn codec(event: &CatalogEvent) -> &'static str {
    if event.event_type().has_codec() { "" } else { "; it has no codec, so it is not emitted as JSON" }
}

#[cfg(not(feature = "serde"))]
fn codec(_event: &CatalogEvent) -> &'static str {
    ""
}

#[cfg(feature = "serde")]
impl serde::Serialize for Explanation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use super::catalog::listener;
        let listeners = |infos: Vec<&ListenerInfo>| infos.into_iter().map(listener).collect::<Vec<_>>();
        let groups: Vec<&str> = self.groups.iter().map(|group| &**group).collect();
        let explanation = serde_json::json!({
            "wire_type": self.wire_type,
            "claims": self.claims,
            "known_versions": self.known_versions,
            "groups": groups,
            "runs": listeners(self.runs()),
            "unmoved": listeners(self.unmoved()),
        });
        explanation.serialize(serializer)
    }
}
