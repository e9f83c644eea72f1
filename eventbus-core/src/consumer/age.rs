//! Watching how long the messages of a group wait.

use std::{sync::Arc, time::Duration};

use super::state::ConsumerState;
use crate::publish::asked;

/// The shortest time between two looks.
const SHORTEST: Duration = Duration::from_millis(10);

/// Warns once when the oldest message of the group has waited for longer than `limit`. Ends then, or with the consumer. What waits
/// while the consumer is paused is not told.
pub(super) async fn watch(consumer: Arc<ConsumerState>, limit: Duration) {
    let stopped = consumer.scheduler.stopped.clone();
    let _ = stopped.run_until_cancelled(look_again_and_again(&consumer, limit)).await;
}

async fn look_again_and_again(consumer: &ConsumerState, limit: Duration) {
    loop {
        tokio::time::sleep((limit / 2).max(SHORTEST)).await;
        if consumer.scheduler.is_paused() {
            continue;
        }
        let Some(oldest) = oldest_age(consumer).await else { continue };
        if oldest > limit {
            consumer.notices.warnings.old_queue(&consumer.name, oldest);
            return;
        }
    }
}

/// How long the group's oldest message has waited, if the transport can tell.
async fn oldest_age(consumer: &ConsumerState) -> Option<Duration> {
    let bus = consumer.bus.upgrade()?;
    let publishing = bus.publishing();
    let groups = asked(|| publishing.transport.groups()).await.ok()?.ok()?;
    groups.into_iter().find(|group| group.name == consumer.name)?.oldest_age
}
