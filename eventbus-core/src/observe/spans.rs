//! Spans and events of the crate `tracing`, as an interceptor.

use std::fmt;

use tracing::{Level, Span, debug_span, field, info_span, level_filters::LevelFilter};

use crate::{
    call::TraceContext,
    emission::{
        Around, CallEnd, DeliveryEnd, DeliveryInfo, EmissionInfo, Intercepted, Interceptor, PublishEnd, PublishInfo,
        Report,
    },
    listener::{Failure, ListenerInfo, Outcome},
};

#[doc = include_str!("tracing.md")]
#[derive(Default)]
pub struct Tracing {
    propagation: Option<Box<dyn Propagation>>,
    is_linked: bool,
}

/// Carries a trace from the process that publishes a message to the one that handles it.
///
/// The crate `tracing` itself knows no ids that mean something elsewhere; what collects its spans does. With
/// `tracing-opentelemetry` an implementation is some fifteen lines: see [`Tracing`].
pub trait Propagation: Send + Sync + 'static {
    /// The trace that a span belongs to, to be taken along by the message that is published in it. `None` if there is none.
    fn inject(&self, span: &Span) -> Option<TraceContext>;

    /// Makes a span, which has not been entered, a child of a span elsewhere.
    fn set_parent(&self, span: &Span, parent: &TraceContext);

    /// Links a span to a span elsewhere, and leaves it the root of a trace of its own.
    fn link(&self, span: &Span, to: &TraceContext);
}

impl Tracing {
    /// Spans for all that a bus does. What messages cause is not connected with what has published them, until
    /// [`propagation`](Self::propagation) is given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects what messages cause with what has published them, across processes, by the W3C's `traceparent`.
    #[must_use]
    pub fn propagation(mut self, propagation: impl Propagation) -> Self {
        self.propagation = Some(Box::new(propagation));
        self
    }

    /// Lets the handling of each message begin a trace of its own, which is linked to the one that has published it. Without this it
    /// is a part of that trace.
    #[must_use]
    pub fn linked(mut self) -> Self {
        self.is_linked = true;
        self
    }

    fn connect(&self, span: &Span, trace: Option<&TraceContext>) {
        if let (Some(propagation), Some(trace)) = (&self.propagation, trace) {
            if self.is_linked {
                propagation.link(span, trace);
            } else {
                propagation.set_parent(span, trace);
            }
        }
    }
}

impl Interceptor for Tracing {
    /// No subscriber wants any of its spans. If there is a propagation, a message also goes along with spans of others.
    fn is_idle(&self) -> bool {
        let least = if self.propagation.is_some() { LevelFilter::ERROR } else { LevelFilter::INFO };
        LevelFilter::current() < least
    }

    fn emission(&self, emission: &EmissionInfo<'_>) -> Intercepted<Report> {
        let span = debug_span!(
            target: "eventbus",
            "emit",
            otel.name = %format_args!("emit {}", emission.event_name()),
            event = emission.event_name(),
            event.version = emission.version(),
            emission = %emission.emission(),
            outcome = field::Empty,
            otel.status_code = field::Empty,
        );
        Ok(around(span, |span, report: &Report| record(span, (!report.is_ok()).then_some("failed"))))
    }

    fn call(&self, emission: &EmissionInfo<'_>, listener: &ListenerInfo) -> Intercepted<CallEnd> {
        let span = debug_span!(
            target: "eventbus",
            "listen",
            otel.name = %format_args!("listen {}", emission.event_name()),
            event = emission.event_name(),
            emission = %emission.emission(),
            listener = %listener,
            outcome = field::Empty,
            otel.status_code = field::Empty,
        );
        Ok(around(span, |span, end: &CallEnd| record(span, end.outcome().map(Outcome::word))))
    }

    fn publish(&self, publish: &mut PublishInfo<'_>) -> Intercepted<PublishEnd> {
        let message = publish.message();
        let span = info_span!(
            target: "eventbus",
            "publish",
            otel.name = %format_args!("send {}", message.event_name()),
            otel.kind = "producer",
            messaging.system = "eventbus",
            messaging.operation.name = "publish",
            messaging.operation.type = "send",
            messaging.destination.name = message.event_name(),
            messaging.message.id = %message.id(),
            messaging.message.conversation_id = %message.correlation_id(),
            outcome = field::Empty,
            otel.status_code = field::Empty,
        );
        if let Some(propagation) = &self.propagation {
            // Where the span itself is filtered out, the message belongs to the one around it.
            let trace = if span.is_disabled() { Span::current() } else { span.clone() };
            if let Some(trace) = propagation.inject(&trace) {
                publish.set_trace(trace);
            }
        }
        Ok(around(span, |span, end: &PublishEnd| record(span, end.reason())))
    }

    fn delivery(&self, delivery: &DeliveryInfo<'_>) -> Intercepted<DeliveryEnd> {
        let message = delivery.message();
        // The task of a worker belongs to no trace.
        let span = info_span!(
            target: "eventbus",
            parent: None,
            "handle",
            otel.name = %format_args!("process {}", message.event_name()),
            otel.kind = "consumer",
            messaging.system = "eventbus",
            messaging.operation.name = "handle",
            messaging.operation.type = "process",
            messaging.destination.name = message.event_name(),
            messaging.consumer.group.name = delivery.group(),
            messaging.message.id = %message.id(),
            messaging.message.conversation_id = %message.correlation_id(),
            attempt = delivery.attempt(),
            handler = delivery.handler().map(field::display),
            outcome = field::Empty,
            otel.status_code = field::Empty,
        );
        if !span.is_disabled() {
            self.connect(&span, message.trace());
        }
        Ok(around(span, |span, end: &DeliveryEnd| {
            if end.is_ignored() {
                span.record("outcome", "ignored");
            } else {
                record(span, end.outcome().map(Outcome::word));
            }
        }))
    }
}

/// Records how what a span is around has ended: well, or how it failed.
fn record(span: &Span, failed: Option<&'static str>) {
    span.record("outcome", failed.unwrap_or("ok"));
    if failed.is_some() {
        span.record("otel.status_code", "ERROR");
    }
}

/// Tells a failure as an event, in the span that is entered.
pub(crate) fn tell_failure(failure: &Failure) {
    let (listener, outcome) = (failure.listener(), failure.outcome().word());
    // The level of an event is constant.
    if failure.is_dead_letter() || matches!(failure.outcome(), Outcome::Panicked(_)) {
        tracing::event!(target: "eventbus", Level::ERROR, event = failure.event_name(), listener = %listener, outcome, "{failure}");
    } else {
        tracing::event!(target: "eventbus", Level::WARN, event = failure.event_name(), listener = %listener, outcome, "{failure}");
    }
}

/// Tells what a bus has to say that is no failure of a listener: errors of its transport, notices.
pub(crate) fn tell(what: &dyn fmt::Display) {
    tracing::event!(target: "eventbus", Level::WARN, "{what}");
}

fn around<End: 'static>(span: Span, end: fn(&Span, &End)) -> Option<Box<dyn Around<End>>> {
    // Nobody collects it: nothing needs to be around.
    if span.is_disabled() { None } else { Some(Box::new(InSpan { span, end })) }
}

struct InSpan<End> {
    span: Span,
    end: fn(&Span, &End),
}

impl<End> Around<End> for InSpan<End> {
    fn part(&mut self, part: &mut dyn FnMut()) {
        self.span.in_scope(part);
    }

    fn end(self: Box<Self>, end: &End) {
        (self.end)(&self.span, end);
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing")
            .field("propagates", &self.propagation.is_some())
            .field("is_linked", &self.is_linked)
            .finish()
    }
}
