//! The events: what GitHub's webhooks tell, as types.
//!
//! One type stands for one *kind* of delivery (the `X-GitHub-Event` header), and the action is a typed field, since that
//! is how GitHub documents payloads: all `issues` deliveries have the same shape. A type per action would mean eighty
//! near-copies, and a listener for "anything about an issue" would have to be registered eighteen times. So the names
//! are written out, `github.` and the kind: the prefix makes a name such as `github.delete` say whose fact it is, and
//! the name can be computed from any delivery. Types are named as facts: `github.member` is a [`MemberChanged`].
//!
//! Each type holds what listeners use and leaves the rest of its payload (often 20 KB) behind. An action that no
//! listener tells apart is [`Other`](issues::IssueAction::Other), so actions GitHub adds later still arrive. What a hook of an
//! organization, an enterprise or an older installation leaves out is optional: the repository, the organization, the sender.
//!
//! The bus knows all of them by name ([`declare`]), so a delivery need only be emitted under its own.
//!
//! [`AlertRaised`] is the exception: no delivery carries it. One module raises it for the others.

mod access;
mod ci;
mod code;
mod discussions;
mod issues;
mod parts;
mod pulls;
mod security;
mod time;

use std::sync::Arc;

use eventbus::{Bus, Delivery, Event, WiringError, consumer::ConsumerBuilder};

pub(crate) use access::{
    AppAuthorizationRevoked, BranchProtectionChanged, DeployKeyChanged, HookChanged, InstallationAction,
    InstallationChanged, InstallationRepositoriesChanged, MemberChanged, MembershipChanged, NamedRepository,
    OrgBlockChanged, OrganizationAction, OrganizationChanged, RepositoryAction, RepositoryChanged, RepositoryPublished,
    TeamChanged,
};
pub(crate) use ci::{
    CheckRunChanged, CheckSuiteChanged, CommitStatusChanged, Conclusion, DeploymentCreated, DeploymentStatusChanged,
    WorkflowJobChanged, WorkflowRunChanged,
};
pub(crate) use code::{
    CommitCommented, Forked, Pushed, RefCreated, RefDeleted, ReleaseAction, ReleaseChanged, StarAction, Starred,
    WatchStarted,
};
pub(crate) use discussions::{DiscussionAction, DiscussionChanged, DiscussionCommented};
pub(crate) use issues::{IssueAction, IssueChanged, IssueCommented, LabelChanged, MilestoneChanged};
pub(crate) use parts::{CommentAction, User};
use parts::{ELSEWHERE, Organization};
pub(crate) use pulls::{
    PullRequestAction, PullRequestChanged, PullRequestReviewed, ReviewCommented, ReviewState, ReviewThreadChanged,
};
pub(crate) use security::{
    AdvisoryAction, AdvisoryChanged, AlertRaised, AlertState, CodeScanningAlertChanged, DependabotAlertChanged,
    Severity, VulnerabilityAction, VulnerabilityAlertChanged,
};
pub(crate) use time::Timestamp;

/// An event that GitHub delivers, as opposed to one that the modules raise among themselves.
pub(crate) trait GithubEvent: Event {
    /// Where it happened: a repository (`owner/name`), an organization, or GitHub itself.
    fn place(&self) -> &str;

    /// Who caused it, if GitHub tells.
    fn sender(&self) -> Option<&User>;
}

/// Lets the listeners of `bus` handle the deliveries of an event, if it has any; in order for each place.
fn hand_event_to<E: GithubEvent>(consumer: ConsumerBuilder, bus: &Bus) -> ConsumerBuilder {
    if bus.listener_count::<E>() == 0 {
        return consumer;
    }
    let bus = bus.clone();
    let handler = move |event: Arc<E>, _: Delivery| {
        let bus = bus.clone();
        async move { bus.emit(event).await.into_result().map(drop) }
    };
    consumer.handle::<E>(handler).key::<E>(|event| event.place().to_owned())
}

/// Implements [`GithubEvent`] for types that have a `sender` and happen in a `repository`, or, if that is absent, in an
/// `organization`; and for those that happen in an `organization`. Declares them, and those that implement it themselves.
macro_rules! github_events {
    (
        repository: $($in_repository:ident)*;
        organization: $($in_organization:ident)*;
        other: $($other:ident)*;
    ) => {
        /// Makes the bus know all events of GitHub by name.
        ///
        /// # Errors
        ///
        /// Two of them have one name.
        pub(crate) fn declare(bus: &Bus) -> Result<(), WiringError> {
            $(bus.declare::<$other>()?;)*
            $(bus.declare::<$in_repository>()?;)*
            $(bus.declare::<$in_organization>()?;)*
            Ok(())
        }

        /// Makes the listeners of `bus` the handlers of a group, for those events that they listen to.
        pub(crate) fn hand_to(consumer: ConsumerBuilder, bus: &Bus) -> ConsumerBuilder {
            $(let consumer = hand_event_to::<$other>(consumer, bus);)*
            $(let consumer = hand_event_to::<$in_repository>(consumer, bus);)*
            $(let consumer = hand_event_to::<$in_organization>(consumer, bus);)*
            consumer
        }

        $(
        impl GithubEvent for $in_repository {
            fn place(&self) -> &str {
                let organization = || self.organization.as_ref().map_or(ELSEWHERE, Organization::login);
                self.repository.as_ref().map_or_else(organization, |repository| &repository.full_name)
            }

            fn sender(&self) -> Option<&User> {
                self.sender.as_ref()
            }
        }
        )*

        $(
        impl GithubEvent for $in_organization {
            fn place(&self) -> &str {
                self.organization.as_ref().map_or(ELSEWHERE, Organization::login)
            }

            fn sender(&self) -> Option<&User> {
                self.sender.as_ref()
            }
        }
        )*
    };
}

github_events! {
    repository:
        IssueChanged
        IssueCommented
        LabelChanged
        MilestoneChanged
        PullRequestChanged
        PullRequestReviewed
        ReviewCommented
        ReviewThreadChanged
        DiscussionChanged
        DiscussionCommented
        Pushed
        RefCreated
        RefDeleted
        CommitCommented
        ReleaseChanged
        Forked
        Starred
        WatchStarted
        CheckRunChanged
        CheckSuiteChanged
        WorkflowRunChanged
        WorkflowJobChanged
        CommitStatusChanged
        DeploymentCreated
        DeploymentStatusChanged
        RepositoryChanged
        RepositoryPublished
        BranchProtectionChanged
        DeployKeyChanged
        HookChanged
        MemberChanged
        CodeScanningAlertChanged
        DependabotAlertChanged
        VulnerabilityAlertChanged;
    organization:
        MembershipChanged
        OrganizationChanged
        OrgBlockChanged
        TeamChanged;
    other:
        AdvisoryChanged AppAuthorizationRevoked InstallationChanged InstallationRepositoriesChanged;
}
