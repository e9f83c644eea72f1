//! How something in a trace ended.

use std::{fmt, sync::Arc};

use super::took::Took;
use crate::{
    call::Stop,
    emission::{CallEnd, DeliveryEnd, PublishEnd, Report, Skipped},
    event::text_of,
    listener::{NotRun, Outcome},
};

/// How many bytes of a text are kept.
const MAX_TEXT: usize = 512;

/// How an emission, a call, a publish or a delivery ended, in a word and a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceOutcome {
    word: &'static str,
    text: Option<Arc<str>>,
}

impl TraceOutcome {
    pub(super) const RUNNING: Self = Self::of_word("running");
    /// The word of a delivery that has failed for good.
    pub(super) const DEAD_LETTER: &'static str = "dead letter";
    const OK: Self = Self::of_word("ok");
    const IGNORED: Self = Self::of_word("ignored");
    const UNHEARD: Self = Self::of_word("nobody listens");

    const fn of_word(word: &'static str) -> Self {
        Self { word, text: None }
    }

    /// With a text, which may be foreign code: no lock is to be held.
    fn of_text(word: &'static str, text: &dyn fmt::Display) -> Self {
        Self { word, text: Some(Arc::from(text_of(text, MAX_TEXT))) }
    }

    pub(super) fn of_outcome(outcome: &Outcome) -> Self {
        match outcome {
            // There is no more to say.
            Outcome::TimedOut | Outcome::Cancelled | Outcome::StillRunning => Self::of_word(outcome.word()),
            Outcome::NotRun(NotRun::Refused(_)) => Self::of_text("refused", outcome),
            Outcome::Failed(_) | Outcome::Panicked(_) | Outcome::NotRun(_) => Self::of_text(outcome.word(), outcome),
        }
    }

    /// Of what an interceptor of the type `by` has refused.
    fn of_refused(by: &str, outcome: &Outcome) -> Self {
        Self::of_text("refused", &format_args!("{outcome} (by the interceptor `{by}`)"))
    }

    pub(super) fn of_call(end: &CallEnd) -> Self {
        match (end.outcome(), end.refused_by()) {
            (None, _) => Self::OK,
            (Some(outcome), Some(by)) => Self::of_refused(by, outcome),
            (Some(outcome), None) => Self::of_outcome(outcome),
        }
    }

    pub(super) fn of_skipped(why: Skipped) -> Self {
        let text = match why {
            Skipped::Off => "it was switched off, or had its only run, before its turn",
            Skipped::Filter => "its filter said no",
        };
        Self { word: "skipped", text: Some(Arc::from(text)) }
    }

    /// Of an emission.
    pub(super) fn of_report(report: &Report, is_unheard: bool) -> Self {
        if is_unheard {
            return Self::UNHEARD;
        }
        let failures = report.failures();
        if let (Some(by), Some(first)) = (report.refused_by(), failures.first()) {
            return Self::of_refused(by, first.outcome());
        }
        match (report.stopped(), failures.len()) {
            (Some(Stop::TimedOut), _) => Self::of_word("timed out"),
            (Some(Stop::Cancelled), _) => Self::of_word("cancelled"),
            (None, 0) => Self::OK,
            (None, failed) => {
                let all = report.succeeded() + failed;
                Self::of_text("failed", &format_args!("{failed} of {all} listeners did not finish well"))
            }
        }
    }

    /// Of an emission that the bus has not begun.
    pub(super) fn of_not_begun(report: &Report) -> Self {
        report.failures().first().map_or(Self::of_word("not run"), |failure| Self::of_outcome(failure.outcome()))
    }

    pub(super) fn of_publish(end: &PublishEnd) -> Self {
        match (end.reason(), end.error()) {
            (None, _) => Self::OK,
            (Some(reason), None) => Self::of_word(reason),
            (Some(reason), Some(error)) => Self::of_text(reason, &format_args!("{reason}: {error}")),
        }
    }

    pub(super) fn of_delivery(end: &DeliveryEnd) -> Self {
        if end.is_interrupted() {
            return Self { word: "interrupted", text: Some(Arc::from("interrupted; it went back to the group")) };
        }
        let Some(outcome) = end.outcome() else {
            return if end.is_ignored() { Self::IGNORED } else { Self::OK };
        };
        let failed = Self::of_outcome(outcome);
        match end.next_after() {
            Some(after) => Self::of_text(failed.word, &format_args!("{failed}; again after {}", Took(after))),
            None => Self::of_text(Self::DEAD_LETTER, &format_args!("{failed}; it is a dead letter")),
        }
    }

    /// One of a few words: `ok`, `running`, `failed`, `panicked`, `timed out`, `cancelled`, `still running`, `not run`, `skipped`,
    /// `refused`, `nobody listens`, `ignored`, `interrupted`, `dead letter`; of a publish its
    /// [`reason`](crate::PublishEnd::reason).
    pub fn word(&self) -> &'static str {
        self.word
    }

    /// What there is to say besides: the text of an error or a panic, bounded, with its sources; never a payload.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&self) -> bool {
        self.word == Self::RUNNING.word
    }

    /// Whether it ended well, or there was nothing to do.
    pub fn is_ok(&self) -> bool {
        [Self::OK.word, Self::IGNORED.word, Self::UNHEARD.word, "skipped"].contains(&self.word)
    }
}

/// Prints the text, or the word if there is no more to say.
impl fmt::Display for TraceOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) if self.word == "skipped" => write!(f, "skipped: {text}"),
            Some(text) => f.write_str(text),
            None => f.write_str(self.word),
        }
    }
}
