//! `eventbus::testing`: tests under explored schedules.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]
#![allow(
    clippy::similar_names,
    clippy::needless_pass_by_value,
    clippy::unit_arg,
    clippy::cast_possible_truncation,
    clippy::duration_suboptimal_units,
    clippy::manual_is_multiple_of,
    clippy::redundant_closure_for_method_calls,
    clippy::unchecked_time_subtraction,
    clippy::unnecessary_debug_formatting,
    clippy::format_push_string,
    clippy::format_collect,
    reason = "short bodies of handlers read better so"
)]

mod choices;
mod explore;
mod order_bug;
mod promises;
mod time;
