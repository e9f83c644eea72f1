//! What machines tell of the code: checks, workflows, statuses, deployments.

use eventbus::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{Organization, Repository, User, open};
use super::time::Timestamp;

/// How a check, a suite, a job or a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum Conclusion {
    Success,
    Failure,
    TimedOut,
    StartupFailure,
    ActionRequired,
    #[serde(other)]
    Other,
}

impl Conclusion {
    /// Whether somebody has to look at it.
    pub(crate) fn needs_attention(self) -> bool {
        matches!(self, Self::Failure | Self::TimedOut | Self::StartupFailure | Self::ActionRequired)
    }

    /// How it ended, as words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Success => "succeeded",
            Self::Failure => "failed",
            Self::TimedOut => "timed out",
            Self::StartupFailure => "could not start",
            Self::ActionRequired => "needs somebody to act",
            Self::Other => "ended",
        }
    }
}

/// A check run was queued, completed, asked for again, ..
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.check_run", serde, schema)]
pub(crate) struct CheckRunChanged {
    pub(crate) check_run: CheckRun,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct CheckRun {
    pub(crate) name: String,
    pub(crate) conclusion: Option<Conclusion>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) completed_at: Option<Timestamp>,
}

/// All check runs of a commit were asked for or have completed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.check_suite", serde, schema)]
pub(crate) struct CheckSuiteChanged {
    pub(crate) check_suite: CheckSuite,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct CheckSuite {
    pub(crate) head_branch: Option<String>,
    pub(crate) conclusion: Option<Conclusion>,
}

/// A workflow run was requested or has completed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.workflow_run", serde, schema)]
pub(crate) struct WorkflowRunChanged {
    pub(crate) workflow_run: WorkflowRun,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct WorkflowRun {
    pub(crate) name: Option<String>,
    pub(crate) conclusion: Option<Conclusion>,
}

/// A job of a workflow waits, runs or has completed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.workflow_job", serde, schema)]
pub(crate) struct WorkflowJobChanged {
    pub(crate) workflow_job: WorkflowJob,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct WorkflowJob {
    pub(crate) name: String,
    pub(crate) conclusion: Option<Conclusion>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) completed_at: Option<Timestamp>,
}

/// An outside service set the status of a commit.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.status", serde, schema)]
pub(crate) struct CommitStatusChanged {
    pub(crate) context: String,
    pub(crate) state: StatusState,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = open)]
pub(crate) enum StatusState {
    Success,
    Failure,
    Error,
    #[serde(other)]
    Other,
}

impl StatusState {
    /// How it ended, if it has.
    pub(crate) fn conclusion(self) -> Option<Conclusion> {
        match self {
            Self::Success => Some(Conclusion::Success),
            Self::Failure | Self::Error => Some(Conclusion::Failure),
            Self::Other => None,
        }
    }
}

/// A deployment was asked for.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.deployment", serde, schema)]
pub(crate) struct DeploymentCreated {
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

/// A deployment goes on, has succeeded or has failed.
#[derive(Debug, Event, Deserialize, JsonSchema, Serialize)]
#[event(name = "github.deployment_status", serde, schema)]
pub(crate) struct DeploymentStatusChanged {
    pub(crate) deployment: Deployment,
    pub(crate) deployment_status: DeploymentStatus,
    pub(crate) repository: Option<Repository>,
    pub(crate) organization: Option<Organization>,
    pub(crate) sender: Option<User>,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct Deployment {
    pub(crate) environment: String,
    pub(crate) created_at: Timestamp,
}

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
pub(crate) struct DeploymentStatus {
    pub(crate) state: StatusState,
    pub(crate) created_at: Timestamp,
}
