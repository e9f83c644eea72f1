//! Alerts: what scanners and advisories say is wrong.

use eventbus::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GithubEvent;
use super::parts::{ELSEWHERE, Organization, Repository, User, open};

/// Something that somebody has to look at soon, whichever scanner found it.
///
/// The audit module raises it, and any module may listen: this is how modules talk that do not know each other.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(serde, schema)]
pub(crate) struct AlertRaised {
    pub(crate) place: String,
    pub(crate) severity: Severity,
    pub(crate) what: String,
}

/// How bad it is. Scanners and advisories have words of their own for three of the steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum Severity {
    #[serde(alias = "none", alias = "note")]
    Low,
    #[serde(alias = "moderate", alias = "warning")]
    Medium,
    #[serde(alias = "error")]
    High,
    Critical,
    /// Not told, or in a word that is not known here. It may be a bad one, so somebody has to look.
    #[default]
    #[serde(other)]
    Other,
}

impl Severity {
    /// Whether somebody has to act.
    pub(crate) fn is_urgent(self) -> bool {
        self != Self::Low
    }

    /// The severity as a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Other => "of unknown severity",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Code scanning found something, or what it had found was fixed or dismissed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.code_scanning_alert", serde, schema)]
pub(crate) struct CodeScanningAlertChanged {
    pub(crate) action: String,
    pub(crate) alert: ScanningAlert,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ScanningAlert {
    pub(crate) state: Option<AlertState>,
    pub(crate) rule: ScanningRule,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ScanningRule {
    pub(crate) id: Option<String>,
    pub(crate) severity: Option<Severity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum AlertState {
    Open,
    #[serde(other)]
    Other,
}

/// A dependency was found vulnerable, fixed or dismissed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.dependabot_alert", serde, schema)]
pub(crate) struct DependabotAlertChanged {
    pub(crate) action: String,
    pub(crate) alert: DependabotAlert,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct DependabotAlert {
    pub(crate) state: Option<AlertState>,
    pub(crate) security_advisory: Advisory,
}

/// The predecessor of [`DependabotAlertChanged`], which older installations still send.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.repository_vulnerability_alert", serde, schema)]
pub(crate) struct VulnerabilityAlertChanged {
    pub(crate) action: VulnerabilityAction,
    pub(crate) alert: VulnerabilityAlert,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum VulnerabilityAction {
    Create,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct VulnerabilityAlert {
    pub(crate) affected_package_name: Option<String>,
    pub(crate) external_identifier: Option<String>,
    pub(crate) severity: Option<Severity>,
}

/// GitHub published, updated or withdrew an advisory, for everybody.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.security_advisory", serde, schema)]
pub(crate) struct AdvisoryChanged {
    pub(crate) action: AdvisoryAction,
    pub(crate) security_advisory: Advisory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum AdvisoryAction {
    Published,
    Updated,
    Withdrawn,
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Advisory {
    pub(crate) ghsa_id: String,
    pub(crate) severity: Option<Severity>,
    pub(crate) summary: Option<String>,
}

impl GithubEvent for AdvisoryChanged {
    fn place(&self) -> &'static str {
        ELSEWHERE
    }

    fn sender(&self) -> Option<&User> {
        None
    }
}
