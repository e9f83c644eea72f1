//! What several files share.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of a panic.
pub(crate) fn panic_of<T>(code: impl FnOnce() -> T) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(code)) else { panic!("it does not panic") };
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).into()))
        .unwrap()
}
