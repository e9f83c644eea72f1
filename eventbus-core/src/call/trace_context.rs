//! The trace that a message belongs to, in the form of the W3C.

use std::fmt;

/// Where a message stands in a distributed trace: the `traceparent` and the `tracestate` of [W3C Trace Context].
///
/// An [`Interceptor`](crate::Interceptor) sets it when an event is published
/// ([`PublishInfo::set_trace`](crate::PublishInfo::set_trace)), and finds it where the event is handled
/// ([`MessageInfo::trace`](crate::MessageInfo::trace)), in whatever process that is. The bus itself does not look at it.
///
/// # Examples
///
/// ```
/// use eventbus_core::TraceContext;
///
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace = TraceContext::parse(text, Some("vendor=value")).ok_or("no trace")?;
/// assert_eq!(trace.span_id(), 0x00f0_67aa_0ba9_02b7);
/// assert!(trace.is_sampled());
/// assert_eq!(trace.traceparent(), text);
/// # Ok::<(), &str>(())
/// ```
///
/// [W3C Trace Context]: https://www.w3.org/TR/trace-context/
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    state: Option<Box<str>>,
}

impl TraceContext {
    /// How many bytes a `tracestate` may have: 1 KiB, as every attribute of a message.
    pub const MAX_STATE: usize = 1 << 10;

    /// A span of a trace. `None` if one of the ids is zero: that is no id.
    pub fn new(trace_id: u128, span_id: u64, flags: u8) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, flags, state: None })
    }

    /// The same with what tracing systems keep beside the ids, the `tracestate`. Left out if it is empty, longer than
    /// [`MAX_STATE`](Self::MAX_STATE) or not printable ASCII: a trace goes on without it.
    #[must_use]
    pub fn with_state(mut self, state: &str) -> Self {
        let is_readable = state.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
        let is_kept = !state.is_empty() && state.len() <= Self::MAX_STATE && is_readable;
        self.state = is_kept.then(|| state.into());
        self
    }

    /// Reads it from its two headers. `None` if the `traceparent` is malformed; the trace then begins anew, as the W3C wants it.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut parts = traceparent.splitn(5, '-');
        let mut hex = |digits: usize| parts.next().filter(|part| is_hex(part, digits));
        let (version, trace_id, span_id, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        // A later version may have more behind it.
        let has_more = parts.next().is_some();
        if version == "ff" || (version == "00" && has_more) {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()?;
        let trace = Self::new(u128::from_str_radix(trace_id, 16).ok()?, u64::from_str_radix(span_id, 16).ok()?, flags)?;
        Some(trace.with_state(tracestate.unwrap_or_default()))
    }

    /// The id of the trace.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The id of the span that the message was published in: the parent of what it causes. The W3C calls it `parent-id`.
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// The flags. Bit 0 says whether the trace is recorded.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether the caller may have recorded the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The `traceparent`, in version 00.
    pub fn traceparent(&self) -> String {
        self.to_string()
    }

    /// The `tracestate`.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// Prints the `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// In lower case, which is the only one allowed.
fn is_hex(part: &str, digits: usize) -> bool {
    part.len() == digits && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::TraceContext;

    const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

    #[test]
    fn what_is_no_traceparent_begins_a_new_trace() {
        for text in [
            "",
            "00",
            &format!("00-{ID}"),
            &format!("00-{ID}-01-more"),
            &format!("ff-{ID}-01"),
            &format!("00-{}-01", ID.to_uppercase()),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            &format!("00-{ID}-1"),
            &format!("00-+{}-01", &ID[1..]),
        ] {
            assert_eq!(TraceContext::parse(text, None), None, "{text}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let trace = TraceContext::parse(&format!("cc-{ID}-03-more-of-it"), None);
        assert_eq!(trace.map(|trace| trace.traceparent()), Some(format!("00-{ID}-03")));
    }

    #[test]
    fn the_lowest_flag_says_whether_it_is_sampled() {
        for (flags, is_sampled) in [("00", false), ("01", true), ("02", false), ("03", true)] {
            let trace = TraceContext::parse(&format!("00-{ID}-{flags}"), None);
            assert_eq!(trace.map(|trace| trace.is_sampled()), Some(is_sampled), "{flags}");
        }
    }

    #[test]
    fn a_state_that_cannot_be_kept_is_left_out_and_the_trace_goes_on() {
        let (long, text) = ("x".repeat(TraceContext::MAX_STATE + 1), format!("00-{ID}-00"));
        for state in ["", "a=\u{e4}", "a=b\nc", &long] {
            let trace = TraceContext::parse(&text, Some(state));
            assert_eq!(trace.as_ref().map(TraceContext::tracestate), Some(None), "{state}");
        }
        let most = &long[1..];
        let trace = TraceContext::parse(&text, Some(most));
        assert_eq!(trace.as_ref().and_then(TraceContext::tracestate), Some(most));
    }

    #[test]
    fn its_ids_and_flags_are_those_that_were_read() {
        let trace = TraceContext::parse(&format!("00-{ID}-03"), None).unwrap();
        assert_eq!(format!("{:032x}-{:016x}", trace.trace_id(), trace.span_id()), ID);
        assert_eq!(trace.flags(), 3);
    }
}
