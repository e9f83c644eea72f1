//! The audit: a trail of everything that changes who may do what, and alerts for what scanners find.
//!
//! A trail with holes is worse than none, so these listeners return errors: a delivery that says *that* something
//! changed but not *what* makes the emit's report say so, and is not written down as if it were complete.

use std::{
    error::Error,
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use eventbus::{Bus, Scope};
use serde::Serialize;

use super::lock;
use crate::bounded::{self, Firsts};
use crate::events::{
    AdvisoryAction, AdvisoryChanged, AlertRaised, AlertState, AppAuthorizationRevoked, BranchProtectionChanged,
    CodeScanningAlertChanged, DependabotAlertChanged, DeployKeyChanged, GithubEvent, HookChanged, InstallationAction,
    InstallationChanged, InstallationRepositoriesChanged, MemberChanged, MembershipChanged, NamedRepository,
    OrgBlockChanged, OrganizationAction, OrganizationChanged, Pushed, RefDeleted, ReleaseAction, ReleaseChanged,
    RepositoryAction, RepositoryChanged, RepositoryPublished, Severity, TeamChanged, User, VulnerabilityAction,
    VulnerabilityAlertChanged,
};

/// What stands for what an alert does not tell.
const UNNAMED: &str = "?";

/// The module.
pub(crate) struct Audit {
    trail: Arc<Mutex<Trail>>,
    raised: Arc<AtomicUsize>,
}

/// What the trail holds at the end.
#[derive(Debug, Serialize)]
pub(crate) struct AuditSummary {
    pub(crate) entries: usize,
    pub(crate) alerts_raised: usize,
    /// The first hundred.
    pub(crate) warnings: Vec<Entry>,
    /// How many there are besides those.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) warnings_unlisted: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What was written down. An auditor would keep all of it, in a file; this program keeps what its summary says.
#[derive(Default)]
struct Trail {
    entries: usize,
    warnings: Firsts<Entry>,
}

/// Something that happened, as an auditor reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub(crate) place: String,
    pub(crate) actor: String,
    pub(crate) what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Note,
    Warning,
}

/// What a listener makes of an event: nothing worth the trail, a remark, or an error.
type Finding = Result<Option<(Weight, String)>, Incomplete>;

/// A delivery that lacks what the trail needs to know.
#[derive(Debug)]
struct Incomplete(&'static str);

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the trail needs `{}`, and the delivery does not have it", self.0)
    }
}

impl Error for Incomplete {}

impl Audit {
    /// Registers the module's listeners on `bus`. It raises its alerts on `alerts`, which may be the same.
    pub(crate) fn new(bus: &Bus, alerts: &Bus) -> Self {
        let audit = Self { trail: Arc::default(), raised: Arc::default() };
        let scope = bus.scope("audit");
        audit.watch_people(&scope);
        audit.watch_code(&scope);
        audit.watch_apps(&scope);
        audit.watch_alerts(alerts, &scope);
        audit
    }

    /// What was written down so far.
    pub(crate) fn summary(&self) -> AuditSummary {
        let trail = lock(&self.trail);
        AuditSummary {
            entries: trail.entries,
            alerts_raised: self.raised.load(Ordering::Relaxed),
            warnings: trail.warnings.kept().to_vec(),
            warnings_unlisted: trail.warnings.more(),
        }
    }

    /// Writes down what `describe` finds in events of one type.
    #[track_caller]
    fn record<E: GithubEvent>(&self, scope: &Scope, describe: impl Fn(&E) -> Finding + Send + Sync + 'static) {
        scope.listener::<E>().named("audit.trail").with(Arc::clone(&self.trail)).on(move |trail, event| {
            if let Some((weight, what)) = describe(event)? {
                let mut trail = lock(&trail);
                trail.entries += 1;
                if weight == Weight::Warning {
                    trail.warnings.push(|| Entry {
                        place: bounded::name(event.place()).to_owned(),
                        actor: bounded::name(event.sender().map_or("GitHub", User::login)).to_owned(),
                        what: bounded::text(&what).to_owned(),
                    });
                }
            }
            eventbus::Ok(())
        });
    }

    fn watch_people(&self, scope: &Scope) {
        self.record::<MemberChanged>(scope, |e| {
            let member = User::login_of(e.member.as_ref());
            if e.action != "edited" {
                return note(format!("collaborator {member} {}", e.action));
            }
            let changes = e.changes.as_ref();
            let old = changes.and_then(|changes| changes.old_permission.as_ref().or(changes.permission.as_ref()));
            let old = old.ok_or(Incomplete("changes.old_permission.from"))?.from.as_deref().unwrap_or("no");
            warning(format!("collaborator {member} no longer has `{old}` rights but others"))
        });
        self.record::<MembershipChanged>(scope, |e| {
            note(format!("{} {} to or from team {}", User::login_of(e.member.as_ref()), e.action, e.team.name))
        });
        self.record::<TeamChanged>(scope, |e| {
            let team = &e.team.name;
            if !e.action.ends_with("_repository") {
                return note(format!("team {team} {}", e.action));
            }
            let repository = &e.repository.as_ref().ok_or(Incomplete("repository"))?.full_name;
            let rights = e.team.permission.as_deref().unwrap_or("unknown");
            note(format!("team {team} {} {repository} (`{rights}`)", e.action.replace('_', " ")))
        });
        self.record::<OrganizationChanged>(scope, |e| {
            let member = || e.membership.as_ref().ok_or(Incomplete("membership"));
            match e.action {
                OrganizationAction::MemberAdded => {
                    let member = member()?;
                    note(format!("{} joined as {}", User::login_of(member.user.as_ref()), member.role))
                }
                OrganizationAction::MemberRemoved => note(format!("{} left", User::login_of(member()?.user.as_ref()))),
                OrganizationAction::MemberInvited => {
                    let invitation = e.invitation.as_ref().ok_or(Incomplete("invitation"))?;
                    let whom = invitation.login.as_deref().unwrap_or("an e-mail address");
                    note(format!("{whom} invited as {}", invitation.role))
                }
                OrganizationAction::Renamed => note("organization renamed to this".to_owned()),
                OrganizationAction::Deleted => warning("organization deleted".to_owned()),
                OrganizationAction::Other => Ok(None),
            }
        });
        self.record::<OrgBlockChanged>(scope, |e| {
            note(format!("{} {}", User::login_of(e.blocked_user.as_ref()), e.action))
        });
    }

    fn watch_code(&self, scope: &Scope) {
        self.record::<DeployKeyChanged>(scope, |e| {
            let what = format!("deploy key `{}` {}", e.key.title, e.action);
            if e.key.read_only { note(what) } else { warning(format!("{what}, and it may write")) }
        });
        self.record::<BranchProtectionChanged>(scope, |e| {
            let rule = &e.rule;
            let approvals =
                rule.required_approving_review_count.map_or_else(|| "?".to_owned(), |count| count.to_string());
            let force = rule.allow_force_pushes_enforcement_level.as_deref().unwrap_or("?");
            let what =
                format!("protection of `{}` {} (approvals {}, force pushes {})", rule.name, e.action, approvals, force);
            if e.action == "deleted" { warning(what) } else { note(what) }
        });
        self.record::<RepositoryChanged>(scope, |e| match e.action {
            RepositoryAction::Created => note(match e.repository.as_ref().and_then(|repository| repository.private) {
                Some(true) => "private repository created".to_owned(),
                Some(false) => "public repository created".to_owned(),
                None => "repository created".to_owned(),
            }),
            RepositoryAction::Deleted => warning("repository deleted".to_owned()),
            RepositoryAction::Publicized => warning("repository made public".to_owned()),
            RepositoryAction::Privatized => note("repository made private".to_owned()),
            RepositoryAction::Renamed => note("repository renamed to this".to_owned()),
            RepositoryAction::Transferred => {
                let owner = e.changes.as_ref().and_then(|changes| changes.owner.as_ref());
                let owner = owner.ok_or(Incomplete("changes.owner.from"))?.from.login();
                warning(format!("repository transferred from {}", owner.ok_or(Incomplete("changes.owner.from"))?))
            }
            RepositoryAction::Other => Ok(None),
        });
        self.record::<RepositoryPublished>(scope, |_| warning("repository open sourced".to_owned()));
        self.record::<RefDeleted>(scope, |e| note(format!("{} `{}` deleted", e.ref_type, e.ref_name)));
        self.record::<ReleaseChanged>(scope, |e| match e.action {
            ReleaseAction::Deleted => warning(format!("release {} deleted", e.release.tag_name)),
            ReleaseAction::Published | ReleaseAction::Other => Ok(None),
        });
        self.record::<Pushed>(scope, |e| {
            if e.forced { warning(format!("`{}` force-pushed", e.ref_name)) } else { Ok(None) }
        });
    }

    fn watch_apps(&self, scope: &Scope) {
        self.record::<InstallationChanged>(scope, |e| {
            let app = e.installation.app_id;
            let writes = e.installation.permissions.iter().flatten();
            let writes = writes.filter(|(_, level)| level.as_deref() == Some("write")).count();
            match e.action {
                InstallationAction::Created => note(format!("app {app} installed, may write to {writes} areas")),
                InstallationAction::NewPermissionsAccepted => {
                    warning(format!("app {app} got other permissions, may write to {writes} areas"))
                }
                InstallationAction::Deleted => note(format!("app {app} removed")),
                InstallationAction::Suspend => note(format!("app {app} suspended")),
                InstallationAction::Unsuspend => note(format!("app {app} no longer suspended")),
                InstallationAction::Other => Ok(None),
            }
        });
        self.record::<InstallationRepositoriesChanged>(scope, |e| {
            let names = |repositories: Option<&Vec<NamedRepository>>| {
                let names = repositories.into_iter().flatten().map(|one| one.full_name.as_deref().unwrap_or("?"));
                names.collect::<Vec<_>>().join(", ")
            };
            let (added, removed) = (names(e.repositories_added.as_ref()), names(e.repositories_removed.as_ref()));
            let app = e.installation.app_id;
            note(format!("app {app} was given [{added}] and lost [{removed}]"))
        });
        self.record::<AppAuthorizationRevoked>(scope, |_| note("took an app's authorization back".to_owned()));
        self.record::<HookChanged>(scope, |e| {
            warning(format!("webhook to {} {}", e.hook.config.url.as_deref().unwrap_or("nowhere"), e.action))
        });
    }
}

impl Audit {
    /// Turns the alerts of three scanners and GitHub's own advisories into one event, for whoever wants to act on it.
    fn watch_alerts(&self, bus: &Bus, scope: &Scope) {
        self.raise::<CodeScanningAlertChanged>(bus, scope, |e| {
            let rule = &e.alert.rule;
            let what = || format!("scan {}: {}", e.action, rule.id.as_deref().unwrap_or(UNNAMED));
            (e.alert.state == Some(AlertState::Open)).then(|| (rule.severity.unwrap_or_default(), what()))
        });
        self.raise::<DependabotAlertChanged>(bus, scope, |e| {
            let advisory = &e.alert.security_advisory;
            let summary = advisory.summary.as_deref().unwrap_or(UNNAMED);
            let what = || (advisory.severity.unwrap_or_default(), format!("dependency {}: {summary}", e.action));
            (e.alert.state == Some(AlertState::Open)).then(what)
        });
        self.raise::<VulnerabilityAlertChanged>(bus, scope, |e| {
            let alert = &e.alert;
            let package = alert.affected_package_name.as_deref().unwrap_or(UNNAMED);
            let what = || format!("dependency {package}: {}", alert.external_identifier.as_deref().unwrap_or(UNNAMED));
            (e.action == VulnerabilityAction::Create).then(|| (alert.severity.unwrap_or_default(), what()))
        });
        self.raise::<AdvisoryChanged>(bus, scope, |e| {
            let advisory = &e.security_advisory;
            let news = matches!(e.action, AdvisoryAction::Published | AdvisoryAction::Updated);
            let summary = advisory.summary.as_deref().unwrap_or(UNNAMED);
            news.then(|| (advisory.severity.unwrap_or_default(), format!("{}: {summary}", advisory.ghsa_id)))
        });
    }

    /// Emits an [`AlertRaised`] for each alert that `find` finds. If a listener of that fails, so does this one: the report
    /// of the delivery tells it.
    #[track_caller]
    fn raise<E: GithubEvent>(
        &self,
        bus: &Bus,
        scope: &Scope,
        find: impl Fn(&E) -> Option<(Severity, String)> + Send + Sync + 'static,
    ) {
        // A listener that held a `Bus` would keep the bus alive that holds the listener.
        let state = (bus.downgrade(), Arc::clone(&self.raised));
        scope.listener::<E>().named("audit.alerts").with(state).on(move |(bus, raised), event| {
            if let (Some((severity, what)), Some(bus)) = (find(event), bus.upgrade()) {
                raised.fetch_add(1, Ordering::Relaxed);
                bus.emit(AlertRaised { place: event.place().to_owned(), severity, what }).blocking().into_result()?;
            }
            eventbus::Ok(())
        });
    }
}

#[expect(clippy::unnecessary_wraps, reason = "listeners return a `Finding`")]
fn note(what: String) -> Finding {
    Ok(Some((Weight::Note, what)))
}

#[expect(clippy::unnecessary_wraps, reason = "listeners return a `Finding`")]
fn warning(what: String) -> Finding {
    Ok(Some((Weight::Warning, what)))
}
