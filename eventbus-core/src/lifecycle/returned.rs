//! What comes back when a bus shuts down, and the events that nobody has consumed, by their names.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{listener::Excerpt, publish::UnroutedEvent, transport::Message};

/// A message that was not handled when the bus shut down.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Returned {
    /// The group that has not handled it; `None` if there was none yet.
    pub group: Option<Arc<str>>,
    /// The message, with its event.
    pub message: Message,
}

/// An event of which some messages reached nobody; see [`ShutdownReport::unconsumed`](crate::ShutdownReport::unconsumed).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Unconsumed {
    /// The wire type of the event.
    pub event: String,
    /// The group that has not handled them; `None` if no group handles the event.
    pub group: Option<Arc<str>>,
    /// How many messages.
    pub count: u64,
}

/// Prints as ``3 of `user.created`: no group handles it``.
impl fmt::Display for Unconsumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, group, count } = self;
        match group {
            None => write!(f, "{count} of `{event}`: no group handles it"),
            Some(group) => write!(f, "{count} of `{event}`, left in group `{}`", Excerpt(group)),
        }
    }
}

/// How many events are named. Names may come from outside.
const MAX: usize = 256;

/// The events that nobody has consumed, the most frequent first, and whether there are more: those that came back, and those that no
/// group wanted and that have not come back.
pub(super) fn unconsumed(
    returned: &[Returned],
    unrouted: &[UnroutedEvent],
    is_in_process: bool,
) -> (Vec<Unconsumed>, bool) {
    let mut counts = BTreeMap::<_, u64>::new();
    for one in returned {
        *counts.entry((one.message.wire_type().to_string(), one.group.clone())).or_default() += 1;
    }
    for one in unrouted {
        // In this process those that still waited have come back. Elsewhere they wait on.
        let count = if is_in_process { one.dropped } else { one.published };
        if count > 0 {
            *counts.entry((one.event.clone(), None)).or_default() += count;
        }
    }
    let one = |((event, group), count)| Unconsumed { event, group, count };
    let mut all: Vec<_> = counts.into_iter().map(one).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.count));
    let has_more = all.len() > MAX;
    all.truncate(MAX);
    (all, has_more)
}

#[cfg(test)]
mod tests {
    use super::{MAX, UnroutedEvent, unconsumed};

    #[test]
    fn more_are_left_out_only_beyond_the_bound() {
        let events = |count: usize| -> Vec<_> {
            (0..count).map(|n| UnroutedEvent { event: n.to_string(), published: 1, dropped: 1 }).collect()
        };
        for (count, named, has_more) in [(0, 0, false), (MAX, MAX, false), (MAX + 1, MAX, true)] {
            let (all, more) = unconsumed(&[], &events(count), true);
            assert_eq!((all.len(), more), (named, has_more));
        }
    }
}
