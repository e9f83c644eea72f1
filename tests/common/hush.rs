//! Keeping expected panics off the terminal.

use std::{
    panic::{self, PanicHookInfo},
    sync::Once,
};

/// From the first call on, panics of this program are shown only if they are not expected.
pub(crate) fn hush(is_expected: fn(&PanicHookInfo<'_>) -> bool) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_expected(info) {
                shown(info);
            }
        }));
    });
}
