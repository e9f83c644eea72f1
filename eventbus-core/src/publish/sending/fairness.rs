//! A task that publishes on and on gives way to others now and then.

use std::{cell::Cell, task::Context};

use crate::interleave;

/// How many events a thread publishes in a row before the task gives way. tokio's own budget of 128 would cost a bounded
/// queue a third of its speed: it makes the publisher run out in the middle of a batch.
const IN_A_ROW: u32 = 512;

thread_local! {
    static PUBLISHED: Cell<u32> = const { Cell::new(0) };
}

/// Counts one event; `true` if the task is to give way first. It has been woken then.
#[inline]
pub(super) fn gives_way(cx: &Context<'_>) -> bool {
    let published = PUBLISHED.get() + 1;
    let gives_way = interleave::gives_way(published > IN_A_ROW);
    PUBLISHED.set(if gives_way { 0 } else { published });
    if gives_way {
        cx.waker().wake_by_ref();
    }
    gives_way
}

/// The task has waited: others have had their turn.
pub(super) fn has_waited() {
    PUBLISHED.set(0);
}
