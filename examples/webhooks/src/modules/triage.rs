//! The triage: what waits for somebody, in queues.
//!
//! A delivery puts something into a queue or takes it out, so that at the end the queues hold what is still open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use eventbus::{Bus, Scope};
use serde::Serialize;

use super::lock;
use crate::bounded::{self, LISTED, TOLD_APART};
use crate::events::{
    AlertRaised, CheckRunChanged, CheckSuiteChanged, CommitStatusChanged, Conclusion, DeploymentStatusChanged,
    DiscussionAction, DiscussionChanged, GithubEvent, IssueAction, IssueChanged, PullRequestAction, PullRequestChanged,
    PullRequestReviewed, ReviewState, WorkflowJobChanged, WorkflowRunChanged,
};

/// The module.
pub(crate) struct Triage {
    board: Arc<Mutex<Board>>,
}

/// What the queues hold at the end.
#[derive(Debug, Serialize)]
pub(crate) struct TriageSummary {
    pub(crate) queued: usize,
    pub(crate) settled: usize,
    pub(crate) labels_suggested: usize,
    pub(crate) first_broken: Option<String>,
    /// The first hundred of each queue.
    pub(crate) open: BTreeMap<Queue, Vec<Item>>,
    /// How many each queue holds besides those.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) open_unlisted: BTreeMap<Queue, usize>,
}

/// What somebody is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Queue {
    Urgent,
    Broken,
    Review,
    Answer,
    Bug,
    Label,
}

impl Queue {
    /// The queue as a request.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Urgent => "act on alerts",
            Self::Broken => "repair builds",
            Self::Review => "review pull requests",
            Self::Answer => "answer discussions",
            Self::Bug => "reproduce bugs",
            Self::Label => "label issues",
        }
    }
}

/// Something in a queue.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Item {
    pub(crate) place: String,
    pub(crate) subject: String,
    pub(crate) title: String,
}

/// Which words in a title suggest which label; the module's one setting.
#[derive(Debug, Clone)]
pub(crate) struct LabelRules(&'static [(&'static str, &'static str)]);

impl Default for LabelRules {
    fn default() -> Self {
        Self(&[("error", "bug"), ("crash", "bug"), ("readme", "documentation"), ("typo", "documentation")])
    }
}

impl LabelRules {
    fn suggest(&self, title: &str) -> Option<&'static str> {
        let title = title.to_lowercase();
        self.0.iter().find(|(word, _)| title.contains(word)).map(|(_, label)| *label)
    }
}

/// What the listeners share. Things are known by place and subject (`#7`, ``check `lint` ``).
#[derive(Default)]
struct Board {
    queues: BTreeMap<Queue, BTreeMap<(String, String), String>>,
    /// What was put into a queue that was full: whether it still waits is not known.
    overflowed: BTreeMap<Queue, usize>,
    /// For issues that are open.
    suggestions: BTreeMap<(String, String), &'static str>,
    suggested: usize,
    queued: usize,
    settled: usize,
    first_broken: Option<String>,
}

impl Board {
    fn put(&mut self, queue: Queue, place: &str, subject: &str, title: &str) {
        let (items, key) = (self.queues.entry(queue).or_default(), key(place, subject));
        if let Some(item) = items.get_mut(&key) {
            bounded::name(title).clone_into(item);
            return;
        }
        self.queued += 1;
        if items.len() < TOLD_APART {
            items.insert(key, bounded::name(title).to_owned());
        } else {
            *self.overflowed.entry(queue).or_default() += 1;
        }
    }

    fn take(&mut self, queue: Queue, place: &str, subject: &str) {
        let gone = self.queues.get_mut(&queue).and_then(|queue| queue.remove(&key(place, subject)));
        self.settled += usize::from(gone.is_some());
    }

    fn suggest(&mut self, place: &str, subject: &str, label: &'static str) {
        let (key, has_room) = (key(place, subject), self.suggestions.len() < TOLD_APART);
        let is_new = !self.suggestions.contains_key(&key);
        self.suggested += usize::from(is_new);
        if has_room || !is_new {
            self.suggestions.insert(key, label);
        }
    }
}

impl Triage {
    /// Registers the module's listeners.
    pub(crate) fn new(bus: &Bus, rules: LabelRules) -> Self {
        let triage = Self { board: Arc::default() };
        let scope = bus.scope("triage");
        triage.sort_issues(&scope, rules);
        triage.queue_reviews(&scope);
        triage.queue_answers(&scope);
        triage.queue_broken(&scope);
        triage.queue_alerts(&scope);
        triage
    }

    /// What was queued and settled so far.
    pub(crate) fn summary(&self) -> TriageSummary {
        let board = lock(&self.board);
        let items = |queue: &BTreeMap<(String, String), String>| {
            let item = |((place, subject), title): (&(String, String), &String)| Item {
                place: place.clone(),
                subject: subject.clone(),
                title: title.clone(),
            };
            queue.iter().take(LISTED).map(item).collect()
        };
        let unlisted = |(name, queue): (&Queue, &BTreeMap<_, _>)| {
            let overflowed = board.overflowed.get(name).copied().unwrap_or_default();
            (*name, queue.len().saturating_sub(LISTED) + overflowed)
        };
        TriageSummary {
            queued: board.queued,
            settled: board.settled,
            labels_suggested: board.suggested,
            first_broken: board.first_broken.clone(),
            open: board.queues.iter().map(|(name, queue)| (*name, items(queue))).collect(),
            open_unlisted: board.queues.iter().map(unlisted).filter(|(_, more)| *more > 0).collect(),
        }
    }

    /// Two listeners for one event. The first has a priority, so that the second can rely on the label it suggests.
    fn sort_issues(&self, scope: &Scope, rules: LabelRules) {
        scope
            .listener::<IssueChanged>()
            .named("triage.labels")
            .priority(10)
            .filter(|e| e.action == IssueAction::Opened)
            .with((Arc::clone(&self.board), rules))
            .on(|(board, rules), e| {
                if let Some(label) = rules.suggest(&e.issue.title) {
                    lock(&board).suggest(e.place(), &number(e.issue.number), label);
                }
            });
        scope.listener::<IssueChanged>().named("triage.issues").with(Arc::clone(&self.board)).on(|board, e| {
            let (place, subject) = (e.place(), &*number(e.issue.number));
            let mut board = lock(&board);
            match e.action {
                IssueAction::Opened | IssueAction::Reopened | IssueAction::Unlabeled => {
                    let suggested = board.suggestions.get(&key(place, subject));
                    let mut labels = e.issue.labels().chain(suggested.copied());
                    if labels.any(|label| label.to_lowercase().contains("bug")) {
                        board.put(Queue::Bug, place, subject, &e.issue.title);
                    } else if e.issue.labels().next().is_none() {
                        board.put(Queue::Label, place, subject, &e.issue.title);
                    }
                }
                IssueAction::Labeled => board.take(Queue::Label, place, subject),
                IssueAction::Closed | IssueAction::Deleted | IssueAction::Transferred => {
                    board.take(Queue::Label, place, subject);
                    board.take(Queue::Bug, place, subject);
                    board.suggestions.remove(&key(place, subject));
                }
                IssueAction::Other => {}
            }
        });
    }

    fn queue_reviews(&self, scope: &Scope) {
        scope.listener::<PullRequestChanged>().named("triage.pulls").with(Arc::clone(&self.board)).on(|board, e| {
            let (pull, mut board) = (&e.pull_request, lock(&board));
            match e.action {
                PullRequestAction::Opened
                | PullRequestAction::Reopened
                | PullRequestAction::ReadyForReview
                | PullRequestAction::ReviewRequested
                    if !pull.is_draft() =>
                {
                    board.put(Queue::Review, e.place(), &number(pull.number), &pull.title);
                }
                PullRequestAction::Closed | PullRequestAction::ConvertedToDraft => {
                    board.take(Queue::Review, e.place(), &number(pull.number));
                }
                _ => {}
            }
        });
        scope.listener::<PullRequestReviewed>().named("triage.reviews").with(Arc::clone(&self.board)).on(|board, e| {
            let (pull, mut board) = (&e.pull_request, lock(&board));
            match e.review.state {
                ReviewState::Approved | ReviewState::ChangesRequested => {
                    board.take(Queue::Review, e.place(), &number(pull.number));
                }
                ReviewState::Dismissed => board.put(Queue::Review, e.place(), &number(pull.number), &pull.title),
                ReviewState::Other => {}
            }
        });
    }

    fn queue_answers(&self, scope: &Scope) {
        scope
            .listener::<DiscussionChanged>()
            .named("triage.discussions")
            .filter(|e| e.discussion.category.is_answerable)
            .with(Arc::clone(&self.board))
            .on(|board, e| {
                let (discussion, mut board) = (&e.discussion, lock(&board));
                match e.action {
                    DiscussionAction::Created | DiscussionAction::Unanswered => {
                        let title = format!("{} ({})", discussion.title, discussion.category.name);
                        board.put(Queue::Answer, e.place(), &number(discussion.number), &title);
                    }
                    DiscussionAction::Answered | DiscussionAction::Deleted | DiscussionAction::Transferred => {
                        board.take(Queue::Answer, e.place(), &number(discussion.number));
                    }
                    DiscussionAction::Other => {}
                }
            });
    }

    fn queue_broken(&self, scope: &Scope) {
        self.watch::<CheckRunChanged>(scope, |e| verdict("check", &e.check_run.name, e.check_run.conclusion));
        self.watch::<WorkflowJobChanged>(scope, |e| verdict("job", &e.workflow_job.name, e.workflow_job.conclusion));
        self.watch::<WorkflowRunChanged>(scope, |e| {
            verdict("workflow", e.workflow_run.name.as_deref().unwrap_or_default(), e.workflow_run.conclusion)
        });
        self.watch::<CheckSuiteChanged>(scope, |e| {
            verdict("branch", e.check_suite.head_branch.as_deref().unwrap_or("?"), e.check_suite.conclusion)
        });
        self.watch::<CommitStatusChanged>(scope, |e| verdict("status", &e.context, e.state.conclusion()));
        self.watch::<DeploymentStatusChanged>(scope, |e| {
            verdict("deployment to", &e.deployment.environment, e.deployment_status.state.conclusion())
        });

        // A filter that says no does not spend `once`: this listener waits for the first failure, then leaves.
        scope
            .listener::<CheckRunChanged>()
            .named("triage.first_broken")
            .filter(|e| e.check_run.conclusion.is_some_and(Conclusion::needs_attention))
            .once()
            .with(Arc::clone(&self.board))
            .on(|board, e| lock(&board).first_broken = Some(format!("{} in {}", e.check_run.name, e.place())));
    }

    /// Queues what ended badly, and settles it when it ends well.
    #[track_caller]
    fn watch<E: GithubEvent>(&self, scope: &Scope, read: impl Fn(&E) -> Option<Verdict> + Send + Sync + 'static) {
        scope.listener::<E>().named("triage.broken").with(Arc::clone(&self.board)).on(move |board, e| match read(e) {
            Some((subject, Conclusion::Success)) => lock(&board).take(Queue::Broken, e.place(), &subject),
            Some((subject, how)) if how.needs_attention() => {
                lock(&board).put(Queue::Broken, e.place(), &subject, how.words());
            }
            _ => {}
        });
    }

    /// Alerts come from another module; which one, or from which scanner, is not this module's business.
    fn queue_alerts(&self, scope: &Scope) {
        scope
            .listener::<AlertRaised>()
            .named("triage.alerts")
            .filter(|e| e.severity.is_urgent())
            .with(Arc::clone(&self.board))
            .on(|board, e| lock(&board).put(Queue::Urgent, &e.place, &e.what, e.severity.word()));
    }
}

/// What ended, and how.
type Verdict = (String, Conclusion);

fn verdict(kind: &str, name: &str, conclusion: Option<Conclusion>) -> Option<Verdict> {
    let name = if name.is_empty() { "without a name" } else { name };
    conclusion.map(|how| (format!("{kind} `{name}`"), how))
}

/// By which something is known: its place and its subject.
fn key(place: &str, subject: &str) -> (String, String) {
    (bounded::name(place).to_owned(), bounded::name(subject).to_owned())
}

fn number(number: u64) -> String {
    format!("#{number}")
}
