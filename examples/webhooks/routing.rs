//! Routing: from a delivery, whose kind is known at run time, to an event, whose type is known at compile time.
//!
//! The one place that lists the types. Everything else about a route follows from the type: the kind is the event's name
//! without `github.`, the decoder is its `Deserialize`. A bus that knows events by name could do all of this file:
//! declare the types, then emit JSON under `github.` and the delivery's kind.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use eventbus::{Bus, EventName, Report};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::events::{
    AdvisoryChanged, AppAuthorizationRevoked, BranchProtectionChanged, CheckRunChanged, CheckSuiteChanged,
    CodeScanningAlertChanged, CommitCommented, CommitStatusChanged, DependabotAlertChanged, DeployKeyChanged,
    DeploymentCreated, DeploymentStatusChanged, DiscussionChanged, DiscussionCommented, Forked, GithubEvent,
    HookChanged, InstallationChanged, InstallationRepositoriesChanged, IssueChanged, IssueCommented, LabelChanged,
    MemberChanged, MembershipChanged, MilestoneChanged, OrgBlockChanged, OrganizationChanged, PullRequestChanged,
    PullRequestReviewed, Pushed, RefCreated, RefDeleted, ReleaseChanged, RepositoryChanged, RepositoryPublished,
    ReviewCommented, ReviewThreadChanged, Starred, TeamChanged, VulnerabilityAlertChanged, WatchStarted,
    WorkflowJobChanged, WorkflowRunChanged,
};

/// All kinds of deliveries that a type claims.
pub(crate) struct Routes(BTreeMap<&'static str, Route>);

/// The way of one kind to its type.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    name: EventName,
    deliver: fn(&Bus, &RawValue) -> Result<Delivered, DecodeError>,
    listener_count: fn(&Bus) -> usize,
}

/// A delivery that arrived as an event.
pub(crate) struct Delivered {
    pub(crate) report: Report,
    /// How long the emit took; decoding is not part of it.
    pub(crate) took: Duration,
}

impl Routes {
    /// The routes of every type that GitHub delivers.
    pub(crate) fn new() -> Self {
        Self(BTreeMap::from([
            route::<AdvisoryChanged>(),
            route::<AppAuthorizationRevoked>(),
            route::<BranchProtectionChanged>(),
            route::<CheckRunChanged>(),
            route::<CheckSuiteChanged>(),
            route::<CodeScanningAlertChanged>(),
            route::<CommitCommented>(),
            route::<CommitStatusChanged>(),
            route::<DependabotAlertChanged>(),
            route::<DeployKeyChanged>(),
            route::<DeploymentCreated>(),
            route::<DeploymentStatusChanged>(),
            route::<DiscussionChanged>(),
            route::<DiscussionCommented>(),
            route::<Forked>(),
            route::<HookChanged>(),
            route::<InstallationChanged>(),
            route::<InstallationRepositoriesChanged>(),
            route::<IssueChanged>(),
            route::<IssueCommented>(),
            route::<LabelChanged>(),
            route::<MemberChanged>(),
            route::<MembershipChanged>(),
            route::<MilestoneChanged>(),
            route::<OrgBlockChanged>(),
            route::<OrganizationChanged>(),
            route::<PullRequestChanged>(),
            route::<PullRequestReviewed>(),
            route::<Pushed>(),
            route::<RefCreated>(),
            route::<RefDeleted>(),
            route::<ReleaseChanged>(),
            route::<RepositoryChanged>(),
            route::<RepositoryPublished>(),
            route::<ReviewCommented>(),
            route::<ReviewThreadChanged>(),
            route::<Starred>(),
            route::<TeamChanged>(),
            route::<VulnerabilityAlertChanged>(),
            route::<WatchStarted>(),
            route::<WorkflowJobChanged>(),
            route::<WorkflowRunChanged>(),
        ]))
    }

    /// The route of a kind, or `None` if no type claims it.
    pub(crate) fn of(&self, kind: &str) -> Option<Route> {
        self.0.get(kind).copied()
    }
}

impl Route {
    /// The name of the event that the delivery becomes.
    pub(crate) fn name(self) -> EventName {
        self.name
    }

    /// How many listeners the event has.
    pub(crate) fn listener_count(self, bus: &Bus) -> usize {
        (self.listener_count)(bus)
    }

    /// Decodes the payload and emits the event.
    ///
    /// # Errors
    ///
    /// The payload is not what the type needs.
    pub(crate) fn deliver(self, bus: &Bus, payload: &RawValue) -> Result<Delivered, DecodeError> {
        (self.deliver)(bus, payload)
    }
}

/// The kind that `E` claims, and its route.
fn route<E: GithubEvent + DeserializeOwned>() -> (&'static str, Route) {
    let kind = E::NAME.as_str().strip_prefix("github.").expect("the names of GitHub's events start with `github.`");
    (kind, Route { name: E::NAME, deliver: deliver::<E>, listener_count: |bus| bus.listener_count::<E>() })
}

fn deliver<E: GithubEvent + DeserializeOwned>(bus: &Bus, payload: &RawValue) -> Result<Delivered, DecodeError> {
    let mut json = serde_json::Deserializer::from_str(payload.get());
    let event: E = serde_path_to_error::deserialize(&mut json).map_err(|error| DecodeError { name: E::NAME, error })?;
    let start = Instant::now();
    let report = bus.emit(event).blocking();
    Ok(Delivered { report, took: start.elapsed() })
}

/// A payload that does not fit the type of its kind.
#[derive(Debug)]
pub(crate) struct DecodeError {
    name: EventName,
    error: serde_path_to_error::Error<serde_json::Error>,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the payload is no `{}`: at `{}`: {}", self.name, self.error.path(), self.error.inner())
    }
}

impl std::error::Error for DecodeError {}
