//! Who may do what: members, teams, keys, apps, hooks, branch protection, and whether a repository is public.

use std::collections::BTreeMap;

use eventbus::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GithubEvent;
use super::parts::{ELSEWHERE, Organization, Repository, User, Was, open};

/// A collaborator was added to a repository, got other rights, or was removed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.member", serde, schema)]
pub(crate) struct MemberChanged {
    pub(crate) action: String,
    pub(crate) member: Option<User>,
    pub(crate) changes: Option<MemberChanges>,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct MemberChanges {
    pub(crate) old_permission: Option<Was<Option<String>>>,
    pub(crate) permission: Option<Was<Option<String>>>,
}

/// Somebody joined or left a team.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.membership", serde, schema)]
pub(crate) struct MembershipChanged {
    pub(crate) action: String,
    pub(crate) member: Option<User>,
    pub(crate) team: Team,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Team {
    pub(crate) name: String,
    /// Absent if the team itself is gone.
    pub(crate) permission: Option<String>,
}

/// A team was made, edited or removed, or its access to a repository changed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.team", serde, schema)]
pub(crate) struct TeamChanged {
    pub(crate) action: String,
    pub(crate) team: Team,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// Somebody was invited to, joined or left an organization, or it was renamed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.organization", serde, schema)]
pub(crate) struct OrganizationChanged {
    pub(crate) action: OrganizationAction,
    pub(crate) membership: Option<Membership>,
    pub(crate) invitation: Option<Invitation>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum OrganizationAction {
    MemberAdded,
    MemberRemoved,
    MemberInvited,
    Renamed,
    Deleted,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Membership {
    pub(crate) role: String,
    pub(crate) user: Option<User>,
}

/// An invitation, sent to an account or to an address that has none yet.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Invitation {
    pub(crate) login: Option<String>,
    pub(crate) role: String,
}

/// An organization blocked somebody, or no longer does.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.org_block", serde, schema)]
pub(crate) struct OrgBlockChanged {
    pub(crate) action: String,
    pub(crate) blocked_user: Option<User>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A deploy key was added to a repository or removed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.deploy_key", serde, schema)]
pub(crate) struct DeployKeyChanged {
    pub(crate) action: String,
    pub(crate) key: DeployKey,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct DeployKey {
    pub(crate) title: String,
    pub(crate) read_only: bool,
}

/// The rules that guard a branch changed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.branch_protection_rule", serde, schema)]
pub(crate) struct BranchProtectionChanged {
    pub(crate) action: String,
    pub(crate) rule: ProtectionRule,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ProtectionRule {
    /// The branch, or a pattern of branches.
    pub(crate) name: String,
    pub(crate) required_approving_review_count: Option<u32>,
    pub(crate) allow_force_pushes_enforcement_level: Option<String>,
}

/// A repository was made, renamed, transferred, hidden, ..
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.repository", serde, schema)]
pub(crate) struct RepositoryChanged {
    pub(crate) action: RepositoryAction,
    pub(crate) changes: Option<RepositoryChanges>,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum RepositoryAction {
    Created,
    Deleted,
    Publicized,
    Privatized,
    Transferred,
    Renamed,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct RepositoryChanges {
    pub(crate) owner: Option<Was<Owner>>,
}

/// The owner of a repository: one of the two.
#[derive(Debug, Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Owner {
    pub(crate) user: Option<User>,
    pub(crate) organization: Option<Organization>,
}

impl Owner {
    pub(crate) fn login(&self) -> Option<&str> {
        self.user.as_ref().map(User::login).or(self.organization.as_ref().map(Organization::login))
    }
}

/// A private repository was made public.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.public", serde, schema)]
pub(crate) struct RepositoryPublished {
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A webhook itself was removed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.meta", serde, schema)]
pub(crate) struct HookChanged {
    pub(crate) action: String,
    pub(crate) hook: Hook,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Hook {
    pub(crate) config: HookConfig,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct HookConfig {
    /// Absent if it posts nowhere, as old services.
    pub(crate) url: Option<String>,
}

/// An app was installed, suspended or removed, or got other permissions.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.installation", serde, schema)]
pub(crate) struct InstallationChanged {
    pub(crate) action: InstallationAction,
    pub(crate) installation: Installation,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum InstallationAction {
    Created,
    Deleted,
    NewPermissionsAccepted,
    Suspend,
    Unsuspend,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Installation {
    pub(crate) app_id: u64,
    pub(crate) account: Option<User>,
    /// `read` or `write` for each area of the API.
    pub(crate) permissions: Option<BTreeMap<String, Option<String>>>,
}

/// An installed app was given other repositories.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.installation_repositories", serde, schema)]
pub(crate) struct InstallationRepositoriesChanged {
    pub(crate) installation: Installation,
    pub(crate) repositories_added: Option<Vec<NamedRepository>>,
    pub(crate) repositories_removed: Option<Vec<NamedRepository>>,
    pub(crate) sender: Option<User>,
}

/// What a list tells of a repository.
#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct NamedRepository {
    pub(crate) full_name: Option<String>,
}

/// Somebody took back what they had authorized an app to do.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.github_app_authorization", serde, schema)]
pub(crate) struct AppAuthorizationRevoked {
    pub(crate) sender: Option<User>,
}

impl Installation {
    fn place(&self) -> &str {
        self.account.as_ref().map_or(ELSEWHERE, User::login)
    }
}

impl GithubEvent for InstallationChanged {
    fn place(&self) -> &str {
        self.installation.place()
    }

    fn sender(&self) -> Option<&User> {
        self.sender.as_ref()
    }
}

impl GithubEvent for InstallationRepositoriesChanged {
    fn place(&self) -> &str {
        self.installation.place()
    }

    fn sender(&self) -> Option<&User> {
        self.sender.as_ref()
    }
}

impl GithubEvent for AppAuthorizationRevoked {
    fn place(&self) -> &str {
        self.sender.as_ref().map_or(ELSEWHERE, User::login)
    }

    fn sender(&self) -> Option<&User> {
        self.sender.as_ref()
    }
}
