//! Waiting until everything that is queued, and what it causes, has been dealt with.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use futures_util::future::select_all;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    consumer::{Consumer, Control, deadline_after},
    emission::Bus,
    event::isolate,
    interleave,
    publish::{Publishing, isolated},
    transport::{BoxFuture, GroupState, Operation},
};

/// How often a transport is asked for its groups that does not say by itself when something has changed.
const LOOK: Duration = Duration::from_millis(20);

/// An error returned by [`Bus::drained`](crate::Bus::drained) and [`Consumer::drain`](crate::Consumer::drain): the deadline has
/// passed, and deliveries are left.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not drained in time: {}", Left(.groups))]
#[non_exhaustive]
pub struct NotDrained {
    /// The groups that are not empty, each with how many deliveries are left.
    pub groups: Vec<(Arc<str>, u64)>,
}

struct Left<'a>(&'a [(Arc<str>, u64)]);

impl fmt::Display for Left<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (group, left)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}group `{}` has {left} left", crate::listener::Excerpt(group))?;
        }
        Ok(())
    }
}

impl Bus {
    /// Waits until everything that is published has been dealt with, in all groups of this bus, and what handlers publish
    /// because of it, too.
    ///
    /// Events that no group handles are not waited for; a group without a consumer is. Listeners that run elsewhere are waited
    /// for by [`settled`](Self::settled), which does not wait for queues.
    ///
    /// # Errors
    ///
    /// [`NotDrained`] if the deadline has passed before; it names the groups that are not empty.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let bus = Bus::new();
    /// bus.consumer("mailer").handle::<UserCreated>(|_, _| async {}).start().await?;
    /// bus.publish(UserCreated).await?;
    /// bus.drained(Duration::from_secs(5)).await?;
    /// assert_eq!(bus.stats().deliveries().handled, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn drained(&self, deadline: Duration) -> Result<(), NotDrained> {
        self.wait_for_all(deadline).await
    }

    /// Boxed, so that users' crates do not compile it once more.
    fn wait_for_all(&self, deadline: Duration) -> BoxFuture<'_, Result<(), NotDrained>> {
        Box::pin(async move {
            let until = deadline_after(deadline);
            let publishing = self.publishing();
            let all = async {
                loop {
                    let controls = self.consumers().all();
                    drained(publishing, &controls, None).await;
                    let groups = groups(publishing, None).await;
                    let is_empty = |group: &GroupState| group.depth.unwrap_or(0) + group.delayed == 0;
                    // After an error nobody knows.
                    if groups.is_some_and(|groups| groups.iter().all(is_empty)) {
                        return;
                    }
                    // A group without a consumer: one may come.
                    sleep(LOOK).await;
                }
            };
            match timeout_at(until, all).await {
                Ok(()) => Ok(()),
                Err(_) => Err(not_drained(publishing, &self.consumers().all(), true).await),
            }
        })
    }
}

impl Consumer {
    /// Waits until everything in the group has been dealt with: nothing waits in it, is handled, or is to be tried again.
    ///
    /// What its handlers publish to other groups is not waited for; see [`Bus::drained`](crate::Bus::drained).
    ///
    /// # Errors
    ///
    /// [`NotDrained`] if the deadline has passed before.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub async fn drain(&self, deadline: Duration) -> Result<(), NotDrained> {
        self.wait_for_group(deadline).await
    }

    /// Boxed, so that users' crates do not compile it once more.
    fn wait_for_group(&self, deadline: Duration) -> BoxFuture<'_, Result<(), NotDrained>> {
        Box::pin(async move {
            let until = deadline_after(deadline);
            let Some(bus) = self.bus() else { return Ok(()) };
            let controls = [Arc::clone(self.control())];
            let publishing = bus.publishing();
            match timeout_at(until, drained(publishing, &controls, None)).await {
                Ok(()) => Ok(()),
                Err(_) => Err(not_drained(publishing, &controls, false).await),
            }
        })
    }
}

/// Waits until these consumers have nothing left that is due before `until`.
///
/// A handler may publish to a group that was found empty before: so all of them are looked at again until nothing was published
/// or read between one look and the next.
pub(super) async fn drained(publishing: &Publishing, controls: &[Arc<Control>], until: Option<Instant>) {
    loop {
        let listeners: Vec<_> = controls.iter().map(|control| control.listen()).collect();
        let before = published(publishing);
        let (is_idle, is_told) = all_idle(publishing, controls, until).await;
        if is_idle && published(publishing) == before {
            return;
        }
        if is_idle {
            tokio::task::yield_now().await;
            continue;
        }
        if listeners.is_empty() {
            return;
        }
        let changed = select_all(
            listeners.into_iter().map(|listener| Box::pin(listener) as Pin<Box<dyn Future<Output = ()> + Send>>),
        );
        if is_told {
            changed.await;
        } else {
            let _ = tokio::time::timeout(LOOK, changed).await;
        }
    }
}

/// How much has been published and read so far: whether something has happened.
fn published(publishing: &Publishing) -> u64 {
    let read: u64 = publishing.ledgers().iter().map(|(_, ledger)| ledger.received.get()).sum();
    publishing.accepted_at_once() + publishing.intake.offered.get() + read
}

/// Whether all are idle, and whether each change of that is told by their consumers.
async fn all_idle(publishing: &Publishing, controls: &[Arc<Control>], until: Option<Instant>) -> (bool, bool) {
    let is_over =
        |control: &Arc<Control>| control.is_stopping() || control.is_dead() || until.is_some() && control.is_paused();
    let asked: Vec<_> = controls.iter().filter(|control| !is_over(control)).collect();
    let hold_nothing = || asked.iter().all(|control| control.is_idle(until));
    // Before and after the groups: a handler that ends after the first question has published before the groups are asked for,
    // and what is read meanwhile is held at the second.
    let were_idle = hold_nothing();
    let groups = groups(publishing, until).await;
    let is_known = groups.is_some();
    let groups = groups.unwrap_or_default();
    let waits = |control: &&Arc<Control>| {
        let group = groups.iter().find(|group| group.name == *control.group());
        group.is_some_and(|group| {
            let due_in_time = match (until, group.next_due) {
                (Some(until), Some(due)) => {
                    let left = due.duration_since(interleave::system_time()).unwrap_or_default();
                    Instant::now() + left < until
                }
                _ => true,
            };
            group.depth.unwrap_or(0) > 0 || group.delayed > 0 && due_in_time
        })
    };
    // After an error nobody knows. A shutdown goes by what the consumers hold; the rest comes back when the transport closes.
    let is_known = is_known || until.is_some();
    let is_idle = is_known && were_idle && !asked.iter().any(waits) && hold_nothing();
    // What waits with the transport is told when it has been handled, but not that somebody else took it.
    (is_idle, publishing.memory.is_some() && !controls.iter().any(|control| control.is_paused()))
}

/// Counts what waits or is held in the groups of these consumers, and `with_others` in those without a consumer.
async fn not_drained(publishing: &Publishing, controls: &[Arc<Control>], with_others: bool) -> NotDrained {
    let of_transport = groups(publishing, Some(Instant::now())).await.unwrap_or_default();
    let left = |control: &Arc<Control>| {
        let group = of_transport.iter().find(|group| group.name == *control.group());
        let waiting = group.map_or(0, |group| group.depth.unwrap_or(0) + group.delayed);
        (Arc::clone(control.group()), waiting + control.health().held as u64)
    };
    let mut groups: Vec<_> = controls.iter().map(left).filter(|(_, left)| *left > 0).collect();
    for group in of_transport.iter().filter(|_| with_others) {
        let left = group.depth.unwrap_or(0) + group.delayed;
        if left > 0 && !groups.iter().any(|(name, _)| *name == group.name) {
            groups.push((Arc::clone(&group.name), left));
        }
    }
    NotDrained { groups }
}

/// What the transport says of its groups; `None` after an error, or if it has not answered `by` then, which is told.
async fn groups(publishing: &Publishing, by: Option<Instant>) -> Option<Vec<GroupState>> {
    let answer = match (isolate(|| publishing.transport.groups()), by) {
        (Ok(answer), None) => isolated(answer).await,
        (Ok(answer), Some(by)) => timeout_at(by.max(Instant::now() + LOOK), isolated(answer))
            .await
            .unwrap_or_else(|_| Err("no answer in time".into())),
        (Err(panic), _) => Err(panic),
    };
    match answer {
        Ok(Ok(groups)) => Some(groups),
        Ok(Err(error)) => {
            publishing.notices.error(Operation::Groups, None, error);
            None
        }
        Err(panic) => {
            publishing.notices.error(Operation::Groups, None, &*panic);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventName};

    struct Tick;

    impl Event for Tick {
        const NAME: EventName = EventName::new("tick");
    }

    #[tokio::test]
    async fn each_event_that_is_published_or_read_is_seen_by_the_next_look() {
        let bus = Bus::new();
        let publishing = bus.publishing();
        let consumer = bus.consumer("group").handle::<Tick>(|_, _| async {}).start().await.unwrap();
        consumer.pause();
        assert_eq!(published(publishing), 0);
        bus.publish(Tick).await.unwrap();
        assert_eq!(published(publishing), 1);
        bus.publish_all([Tick, Tick]).await;
        assert_eq!(published(publishing), 3);
        consumer.resume();
        bus.drained(Duration::from_mins(1)).await.unwrap();
        assert_eq!(published(publishing), 6);
    }
}
