//! The events: what GitHub's webhooks tell, as types.
//!
//! One type stands for one *kind* of delivery (the `X-GitHub-Event` header), and the action is a typed field, since that
//! is how GitHub documents payloads: all `issues` deliveries have the same shape. A type per action would mean eighty
//! near-copies, and a listener for "anything about an issue" would have to be registered eighteen times. So the names
//! are written out, `github.` and the kind: the prefix makes a name such as `github.delete` say whose fact it is, and
//! the name can be computed from any delivery. Types are named as facts: `github.member` is a [`MemberChanged`].
//!
//! Each type holds what listeners use and leaves the rest of its payload (often 20 KB) behind. An action that no
//! listener tells apart is [`Other`](issues::IssueAction::Other), so actions GitHub adds later still arrive.
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

use eventbus::{Bus, ConsumerBuilder, Delivery, Event, WiringError};

pub(crate) use access::{
    AppAuthorizationRevoked, BranchProtectionChanged, DeployKeyChanged, HookChanged, InstallationAction,
    InstallationChanged, InstallationRepositoriesChanged, MemberChanged, MembershipChanged, OrgBlockChanged,
    OrganizationAction, OrganizationChanged, RepositoryAction, RepositoryChanged, RepositoryPublished, TeamChanged,
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
pub(crate) use parts::{CommentAction, Repository, User};
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

/// Implements [`GithubEvent`] for types whose `place` is found at the given field, and which have a `sender`. Declares
/// them, and those that implement it themselves.
macro_rules! github_events {
    ([$($other:ty),*] $($event:ty: $place:ident . $name:ident;)*) => {
        /// Makes the bus know all events of GitHub by name.
        ///
        /// # Errors
        ///
        /// Two of them have one name.
        pub(crate) fn declare(bus: &Bus) -> Result<(), WiringError> {
            $(bus.declare::<$other>()?;)*
            $(bus.declare::<$event>()?;)*
            Ok(())
        }

        /// Makes the listeners of `bus` the handlers of a group, for those events that they listen to.
        pub(crate) fn hand_to(consumer: ConsumerBuilder, bus: &Bus) -> ConsumerBuilder {
            $(let consumer = hand_event_to::<$other>(consumer, bus);)*
            $(let consumer = hand_event_to::<$event>(consumer, bus);)*
            consumer
        }

        $(
        impl GithubEvent for $event {
            fn place(&self) -> &str {
                &self.$place.$name
            }

            fn sender(&self) -> Option<&User> {
                Some(&self.sender)
            }
        }
        )*
    };
}

github_events! {
    [AdvisoryChanged, AppAuthorizationRevoked, InstallationChanged, InstallationRepositoriesChanged]
    IssueChanged: repository.full_name;
    IssueCommented: repository.full_name;
    LabelChanged: repository.full_name;
    MilestoneChanged: repository.full_name;
    PullRequestChanged: repository.full_name;
    PullRequestReviewed: repository.full_name;
    ReviewCommented: repository.full_name;
    ReviewThreadChanged: repository.full_name;
    DiscussionChanged: repository.full_name;
    DiscussionCommented: repository.full_name;
    Pushed: repository.full_name;
    RefCreated: repository.full_name;
    RefDeleted: repository.full_name;
    CommitCommented: repository.full_name;
    ReleaseChanged: repository.full_name;
    Forked: repository.full_name;
    Starred: repository.full_name;
    WatchStarted: repository.full_name;
    CheckRunChanged: repository.full_name;
    CheckSuiteChanged: repository.full_name;
    WorkflowRunChanged: repository.full_name;
    WorkflowJobChanged: repository.full_name;
    CommitStatusChanged: repository.full_name;
    DeploymentCreated: repository.full_name;
    DeploymentStatusChanged: repository.full_name;
    RepositoryChanged: repository.full_name;
    RepositoryPublished: repository.full_name;
    BranchProtectionChanged: repository.full_name;
    DeployKeyChanged: repository.full_name;
    HookChanged: repository.full_name;
    MemberChanged: repository.full_name;
    MembershipChanged: organization.login;
    OrganizationChanged: organization.login;
    OrgBlockChanged: organization.login;
    TeamChanged: organization.login;
    CodeScanningAlertChanged: repository.full_name;
    DependabotAlertChanged: repository.full_name;
    VulnerabilityAlertChanged: repository.full_name;
}
