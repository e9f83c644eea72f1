//! How a trace of OpenTelemetry goes along with a message. The guide and the docs of `Tracing` show this file.

use eventbus::intercept::{Propagation, TraceContext};
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

pub(crate) struct OpenTelemetry;

impl Propagation for OpenTelemetry {
    fn inject(&self, span: &Span) -> Option<TraceContext> {
        let context = span.context();
        let span = context.span();
        let span = span.span_context();
        let trace_id = u128::from_be_bytes(span.trace_id().to_bytes());
        let span_id = u64::from_be_bytes(span.span_id().to_bytes());
        let trace = TraceContext::new(trace_id, span_id, span.trace_flags().to_u8())?;
        Some(trace.with_state(&span.trace_state().header()))
    }

    fn set_parent(&self, span: &Span, parent: &TraceContext) {
        let _ = span.set_parent(Context::new().with_remote_span_context(remote(parent)));
    }

    fn link(&self, span: &Span, to: &TraceContext) {
        span.add_link(remote(to));
    }
}

fn remote(trace: &TraceContext) -> SpanContext {
    let trace_id = TraceId::from_bytes(trace.trace_id().to_be_bytes());
    let span_id = SpanId::from_bytes(trace.span_id().to_be_bytes());
    let state = trace.tracestate().and_then(|state| state.parse::<TraceState>().ok());
    SpanContext::new(trace_id, span_id, TraceFlags::new(trace.flags()), true, state.unwrap_or_default())
}
