//! An interceptor that writes down all that it sees.

use std::sync::Arc;

use eventbus::{
    Bus, Outcome, Report,
    emit::NotRun,
    intercept::{Around, CallEnd, EmissionInfo, Intercepted, Interceptor},
    listener::ListenerInfo,
};

use crate::support::{Log, Ping};

/// Notes emissions by event, calls by event and listener; `>` and `<` around each part.
#[derive(Clone)]
pub(crate) struct Recorder {
    prefix: &'static str,
    pub(crate) log: Log<String>,
    pub(crate) parts: bool,
}

struct Recording {
    what: String,
    recorder: Recorder,
}

impl Recorder {
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self { prefix, log: Log::default(), parts: false }
    }

    pub(crate) fn with_parts(prefix: &'static str, log: &Log<String>) -> Self {
        Self { prefix, log: log.clone(), parts: true }
    }

    /// A bus with a recorder that notes no parts.
    pub(crate) fn bus() -> (Bus, Log<String>) {
        let recorder = Self::new("");
        let log = recorder.log.clone();
        (Bus::builder().intercept(recorder).build(), log)
    }

    fn begin(&self, what: String) -> Recording {
        self.log.add(format!("{}{what}", self.prefix));
        Recording { what, recorder: self.clone() }
    }
}

impl Interceptor for Recorder {
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        Ok(Some(Box::new(self.begin(emission.event_name().to_owned()))))
    }

    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        let what = format!("{}/{}", emission.event_name(), listener.name().unwrap_or("?"));
        Ok(Some(Box::new(self.begin(what))))
    }
}

impl Recording {
    fn note(&self, before: &str, after: &str) {
        self.recorder.log.add(format!("{}{before}{}{after}", self.recorder.prefix, self.what));
    }

    fn record(&self, part: &mut dyn FnMut()) {
        if self.recorder.parts {
            self.note(">", "");
        }
        part();
        if self.recorder.parts {
            self.note("<", "");
        }
    }
}

impl Around<Report> for Recording {
    fn part(&mut self, part: &mut dyn FnMut()) {
        self.record(part);
    }

    fn end(self: Box<Self>, report: &Report) {
        let outcomes: Vec<_> = report.failures().iter().map(|failure| word(Some(failure.outcome()))).collect();
        self.note("", &format!(": {} ok, {outcomes:?}", report.succeeded()).replace('"', ""));
    }
}

impl Around<CallEnd> for Recording {
    fn part(&mut self, part: &mut dyn FnMut()) {
        self.record(part);
    }

    fn end(self: Box<Self>, end: &CallEnd) {
        self.note("", &format!(": {}", word(end.outcome())));
    }
}

pub(crate) fn word(outcome: Option<&Outcome>) -> &'static str {
    match outcome {
        None => "ok",
        Some(Outcome::Failed(_)) => "failed",
        Some(Outcome::Panicked(_)) => "panicked",
        Some(Outcome::TimedOut) => "timed out",
        Some(Outcome::Cancelled) => "cancelled",
        Some(Outcome::StillRunning) => "still running",
        Some(Outcome::NotRun(NotRun::Refused(_))) => "refused",
        Some(Outcome::NotRun(NotRun::Gone)) => "gone",
        Some(Outcome::NotRun(_)) => "not run",
        Some(_) => "another",
    }
}

/// Refuses the calls of listeners of a name.
pub(crate) struct Refuses(pub(crate) &'static str);

impl Interceptor for Refuses {
    fn call(&self, _: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        if listener.name() == Some(self.0) { Err("not today".into()) } else { Ok(None) }
    }
}

/// An interceptor of calls, from a closure.
pub(crate) struct OnCall<F>(pub(crate) F);

impl<F> Interceptor for OnCall<F>
where
    F: Fn(&EmissionInfo<'_>, &ListenerInfo) -> Intercepted<CallEnd> + Send + Sync + 'static,
{
    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        (self.0)(emission, listener)
    }
}

/// An interceptor of emissions, from a closure.
pub(crate) struct OnEmission<F>(pub(crate) F);

impl<F> Interceptor for OnEmission<F>
where
    F: Fn(&EmissionInfo<'_>) -> Intercepted<Report> + Send + Sync + 'static,
{
    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        (self.0)(emission)
    }
}

#[test]
fn an_interceptor_is_an_object() {
    let log = Log::default();
    let all: Vec<Arc<dyn Interceptor>> = vec![Arc::new(Recorder::with_parts("", &log)), Arc::new(Refuses("x"))];
    let boxed: Box<dyn Interceptor> = Box::new(Refuses("y"));
    let builder = all.into_iter().fold(Bus::builder(), eventbus::BusBuilder::intercept).intercept(boxed);
    let bus = builder.build();
    bus.on::<crate::support::Ping>(|_| {});
    assert!(bus.emit(crate::support::Ping).blocking().is_ok());
    assert_eq!(log.take().len(), 8);
}

#[test]
fn an_event_that_is_emitted_by_value_is_only_borrowed_unless_an_interceptor_keeps_events() {
    let kept = Log::default();
    let log = kept.clone();
    let look = move |emission: &EmissionInfo<'_>| {
        log.add(emission.event().to_owned().is_some());
        Ok(None)
    };
    let bus = Bus::builder().intercept(OnEmission(look)).build();
    bus.on::<Ping>(|_| ());
    bus.emit(Ping).blocking();
    bus.emit(Arc::new(Ping)).blocking();
    assert_eq!(kept.take(), [false, true]);
}
