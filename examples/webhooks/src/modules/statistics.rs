//! The statistics: who is active where, and how long things take.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use eventbus::{Bus, Scope};
use serde::Serialize;

use super::lock;
use crate::bounded::Counts;
use crate::events::{
    CheckRunChanged, CommentAction, CommitCommented, DeploymentStatusChanged, DiscussionChanged, DiscussionCommented,
    Forked, GithubEvent, IssueAction, IssueChanged, IssueCommented, PullRequestAction, PullRequestChanged,
    PullRequestReviewed, Pushed, RefCreated, ReleaseAction, ReleaseChanged, ReviewCommented, StarAction, Starred,
    Timestamp, WorkflowJobChanged,
};

/// The module.
pub(crate) struct Statistics {
    counters: Arc<Mutex<Counters>>,
}

/// What was counted.
#[derive(Debug, Serialize)]
pub(crate) struct StatisticsSummary {
    pub(crate) contributions: usize,
    pub(crate) by_bots: usize,
    /// Most active first; the first hundred, and all others together.
    pub(crate) places: Vec<(String, usize)>,
    /// Most active first; the first hundred, and all others together.
    pub(crate) senders: Vec<(String, usize)>,
    pub(crate) comments: usize,
    pub(crate) commits: usize,
    pub(crate) files_touched: usize,
    pub(crate) lines_proposed: u64,
    pub(crate) pulls_merged: usize,
    pub(crate) releases: usize,
    pub(crate) stars: i64,
    /// Seconds, by what took them.
    pub(crate) durations: BTreeMap<&'static str, Spread>,
}

/// Several durations in seconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) count: usize,
    pub(crate) shortest: u64,
    pub(crate) longest: u64,
}

#[derive(Default)]
struct Counters {
    contributions: usize,
    by_bots: usize,
    places: Counts,
    senders: Counts,
    comments: usize,
    commits: usize,
    files_touched: usize,
    lines_proposed: u64,
    pulls_merged: usize,
    releases: usize,
    stars: i64,
    durations: BTreeMap<&'static str, Spread>,
}

impl Counters {
    fn took(&mut self, what: &'static str, start: Option<Timestamp>, end: Option<Timestamp>) {
        let Some(seconds) = end.zip(start).map(|(end, start)| end.seconds_since(start)) else { return };
        let spread = self.durations.entry(what).or_insert(Spread { count: 0, shortest: seconds, longest: seconds });
        spread.count += 1;
        spread.shortest = spread.shortest.min(seconds);
        spread.longest = spread.longest.max(seconds);
    }
}

impl Statistics {
    /// Registers the module's listeners.
    pub(crate) fn new(bus: &Bus) -> Self {
        let statistics = Self { counters: Arc::default() };
        let scope = bus.scope("statistics");
        statistics.count_contributions(&scope);
        statistics.count_content(&scope);
        statistics.count_comments(&scope);
        statistics.time(&scope);
        statistics
    }

    /// What was counted so far.
    pub(crate) fn summary(&self) -> StatisticsSummary {
        let counters = lock(&self.counters);
        StatisticsSummary {
            contributions: counters.contributions,
            by_bots: counters.by_bots,
            places: counters.places.ranking(),
            senders: counters.senders.ranking(),
            comments: counters.comments,
            commits: counters.commits,
            files_touched: counters.files_touched,
            lines_proposed: counters.lines_proposed,
            pulls_merged: counters.pulls_merged,
            releases: counters.releases,
            stars: counters.stars,
            durations: counters.durations.clone(),
        }
    }

    /// Counts in events of one type.
    #[track_caller]
    fn count<E: GithubEvent>(&self, scope: &Scope, add: impl Fn(&mut Counters, &E) + Send + Sync + 'static) {
        let listener = scope.listener::<E>().named("statistics").with(Arc::clone(&self.counters));
        listener.on(move |counters, event| add(&mut lock(&counters), event));
    }

    /// What people do for a project, as opposed to what its settings and its machines do.
    fn count_contributions(&self, scope: &Scope) {
        self.contribution::<IssueChanged>(scope);
        self.contribution::<IssueCommented>(scope);
        self.contribution::<PullRequestChanged>(scope);
        self.contribution::<PullRequestReviewed>(scope);
        self.contribution::<ReviewCommented>(scope);
        self.contribution::<DiscussionChanged>(scope);
        self.contribution::<DiscussionCommented>(scope);
        self.contribution::<Pushed>(scope);
        self.contribution::<RefCreated>(scope);
        self.contribution::<CommitCommented>(scope);
        self.contribution::<ReleaseChanged>(scope);
        self.contribution::<Forked>(scope);
        self.contribution::<Starred>(scope);
    }

    #[track_caller]
    fn contribution<E: GithubEvent>(&self, scope: &Scope) {
        self.count::<E>(scope, |counters, event| {
            counters.contributions += 1;
            counters.places.add(event.place());
            if let Some(sender) = event.sender() {
                counters.by_bots += usize::from(sender.is_bot());
                counters.senders.add(sender.login());
            }
        });
    }

    fn count_content(&self, scope: &Scope) {
        self.count::<Pushed>(scope, |counters, e| {
            let files = e
                .commits
                .iter()
                .flat_map(|commit| [&commit.added, &commit.removed, &commit.modified])
                .flatten()
                .map(Vec::len);
            counters.commits += e.commits.len();
            counters.files_touched += files.sum::<usize>();
        });
        self.count::<PullRequestChanged>(scope, |counters, e| match e.action {
            PullRequestAction::Opened => {
                counters.lines_proposed = counters.lines_proposed.saturating_add(e.pull_request.lines());
            }
            PullRequestAction::Closed => counters.pulls_merged += usize::from(e.pull_request.is_merged()),
            _ => {}
        });
        self.count::<ReleaseChanged>(scope, |counters, e| {
            counters.releases += usize::from(e.action == ReleaseAction::Published);
        });
        self.count::<Starred>(scope, |counters, e| match e.action {
            StarAction::Created => counters.stars += 1,
            StarAction::Deleted => counters.stars -= 1,
            StarAction::Other => {}
        });
    }

    fn count_comments(&self, scope: &Scope) {
        fn add(counters: &mut Counters, action: CommentAction) {
            counters.comments += usize::from(action == CommentAction::Created);
        }
        self.count::<IssueCommented>(scope, |counters, e| add(counters, e.action));
        self.count::<ReviewCommented>(scope, |counters, e| add(counters, e.action));
        self.count::<DiscussionCommented>(scope, |counters, e| add(counters, e.action));
        self.count::<CommitCommented>(scope, |counters, _| counters.comments += 1);
    }

    fn time(&self, scope: &Scope) {
        self.count::<WorkflowJobChanged>(scope, |counters, e| {
            counters.took("workflow jobs", e.workflow_job.started_at, e.workflow_job.completed_at);
        });
        self.count::<CheckRunChanged>(scope, |counters, e| {
            counters.took("check runs", e.check_run.started_at, e.check_run.completed_at);
        });
        self.count::<DeploymentStatusChanged>(scope, |counters, e| {
            let status = &e.deployment_status;
            counters.took(
                "deployments",
                Some(e.deployment.created_at),
                status.state.conclusion().map(|_| status.created_at),
            );
        });
        self.count::<IssueChanged>(scope, |counters, e| {
            if e.action == IssueAction::Closed {
                counters.took("issues", Some(e.issue.created_at), e.issue.closed_at);
            }
        });
        self.count::<PullRequestChanged>(scope, |counters, e| {
            if e.action == PullRequestAction::Closed {
                counters.took("pull requests", Some(e.pull_request.created_at), e.pull_request.closed_at);
            }
        });
    }
}
