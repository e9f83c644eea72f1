//! What would run for an event, what would not and why, and what ran lately.

mod group;
#[cfg(feature = "serde")]
mod json;
mod print;

pub use group::{ExplainedGroup, GroupCondition};

use super::{CatalogEvent, trace::Trace};
use crate::{
    emission::Bus,
    event::{Event, EventType},
    listener::{ListenerInfo, ListenerKind},
    named::{MalformedName, UnknownVersion, WireType},
};

/// How many emissions, publishes and deliveries of the trace an explanation shows.
const SHOWN: usize = 5;

impl Bus {
    /// What an emission, and a publish, under this name would do now: which type claims the name, which listeners would run in
    /// which order, which interceptors would be asked first, which groups would get the event and whether they handle it, and
    /// which listeners by pattern would not run. If the bus keeps a [`trace`](crate::BusBuilder::trace), also what has become
    /// of the last emissions, for each listener.
    ///
    /// A listener that you miss here is off: its subscription was ended, its scope closed, the bus cleared, or its only run
    /// spent. Listeners to other types have nothing to do with it.
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
    /// let bus = Bus::builder().trace(1_000).build();
    /// bus.listener::<IssueOpened>().named("triage").filter(|_| false).on(|_| {});
    /// bus.listener_pattern("pull_request.**")?.named("review").on(|_| {});
    /// bus.emit(IssueOpened).blocking();
    ///
    /// let explanation = bus.explain("issues.opened")?;
    /// assert_eq!(explanation.runs().len(), 1);
    /// let text = explanation.to_string();
    /// assert!(text.contains("1. listener `triage`"), "{text}");
    /// assert!(text.contains("asks its filter"), "{text}");
    /// assert!(text.contains("`pull_request.**` does not match"), "{text}");
    /// assert!(text.contains("sync: skipped: its filter said no"), "{text}");
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
        let claims = claims.into_iter().filter_map(|event| self.known_event(event)).map(CatalogEvent::new).collect();
        Ok(Explanation { known_versions, claims, ..self.explain_name(wire) })
    }

    /// The same for an event type: what `bus.emit(..)` and `bus.publish(..)` of an `E` would do now. Of several types that share a name it
    /// tells of this one.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct IssueOpened;
    /// # impl Event for IssueOpened { const NAME: EventName = EventName::new("issues.opened"); }
    /// let bus = Bus::new();
    /// bus.listener::<IssueOpened>().named("triage").on(|_| {});
    /// println!("{}", bus.explain_event::<IssueOpened>());
    /// assert_eq!(bus.explain_event::<IssueOpened>().runs()[0].name(), Some("triage"));
    /// ```
    pub fn explain_event<E: Event>(&self) -> Explanation {
        let wire = WireType { name: E::NAME.as_str(), version: E::TYPE.version() };
        let claims: Vec<_> = self.known_event(E::TYPE).map(CatalogEvent::new).into_iter().collect();
        let others = self.claims(wire).unwrap_or_default();
        let taken_by = others.into_iter().find(|other| {
            let shares = other.shares_name() && E::TYPE.shares_name();
            *other != E::TYPE && !shares
        });
        let unseen = claims.is_empty().then_some(E::TYPE);
        Explanation { claims, unseen, taken_by, ..self.explain_name(wire) }
    }

    /// What there is to say of a name, whatever its type.
    fn explain_name(&self, wire: WireType<'_>) -> Explanation {
        let (mut matching, others): (Vec<_>, Vec<_>) = self
            .infos_by_pattern()
            .into_iter()
            .partition(|info| info.pattern().is_some_and(|pattern| pattern.matches(wire.name)));
        // The order of turns; the sort is stable.
        matching.sort_by_key(|info| info.kind() != ListenerKind::Sync);
        let wire_type = wire.to_string();
        // Those of the bus itself refuse nothing.
        let own = |name: &&str| name.starts_with(concat!(env!("CARGO_CRATE_NAME"), "::"));
        Explanation {
            lately: self.trace().latest(&wire_type, SHOWN),
            groups: ExplainedGroup::all(self.consumers(), wire.name, wire.version),
            interceptors: self.state.interceptors.names().filter(|name| !own(name)).collect(),
            is_shut_down: self.publishing().is_closed_for(false),
            wire_type,
            version: wire.version,
            known_versions: Vec::new(),
            claims: Vec::new(),
            unseen: None,
            taken_by: None,
            matching,
            others,
        }
    }
}

/// What an emission, and a publish, of an event would do; made by [`Bus::explain`] and [`Bus::explain_event`]. Prints as a few lines for
/// people.
///
/// Under the feature `serde` it can be serialised.
#[derive(Clone, Debug)]
pub struct Explanation {
    wire_type: String,
    version: u32,
    known_versions: Vec<u32>,
    claims: Vec<CatalogEvent>,
    /// The type that was asked for, if the bus has not seen it.
    unseen: Option<&'static EventType>,
    /// The type that has the name of the one that was asked for.
    taken_by: Option<&'static EventType>,
    matching: Vec<ListenerInfo>,
    others: Vec<ListenerInfo>,
    interceptors: Vec<&'static str>,
    groups: Vec<ExplainedGroup>,
    is_shut_down: bool,
    lately: Trace,
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

    /// Another type that has the name and version of the one asked for: to emit the one asked for panics.
    pub fn taken_by(&self) -> Option<&'static EventType> {
        self.taken_by
    }

    /// Who would run, in the order of their turns. If several types share the name, their listeners one type after the
    /// other: an event is of one of them.
    pub fn runs(&self) -> Vec<&ListenerInfo> {
        if self.emits_nothing() {
            return Vec::new();
        }
        match &self.claims[..] {
            [] => self.matching.iter().collect(),
            claims => claims.iter().flat_map(CatalogEvent::listeners).collect(),
        }
    }

    /// The listeners by pattern that would not run: all whose patterns do not match, or every one if nothing can be emitted.
    pub fn does_not_run(&self) -> Vec<&ListenerInfo> {
        let stopped = if self.emits_nothing() { &self.matching[..] } else { &[][..] };
        stopped.iter().chain(&self.others).collect()
    }

    /// Whether an emission is an error, or panics.
    fn emits_nothing(&self) -> bool {
        !self.known_versions.is_empty() || self.taken_by.is_some()
    }

    /// The types of the interceptors that are asked about an emission and each of its calls, the outermost first: each may refuse. Those of
    /// this crate, which refuse nothing, are not among them.
    pub fn interceptors(&self) -> &[&'static str] {
        &self.interceptors
    }

    /// The groups of this bus's consumers that get it when it is published, by name. They do not get what is emitted.
    pub fn groups(&self) -> &[ExplainedGroup] {
        &self.groups
    }

    /// Its last emissions and publishes with the calls and deliveries of each, the oldest first; empty if the bus keeps no
    /// [`trace`](crate::BusBuilder::trace).
    pub fn lately(&self) -> &Trace {
        &self.lately
    }
}
