//! How a consumer is doing.

use std::{sync::Arc, time::SystemTime};

use super::{super::state::STALLED, Control};
use crate::sync::lock;

/// How a consumer is doing; part of [`BusHealth`](crate::BusHealth).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ConsumerHealth {
    /// The group.
    pub group: Arc<str>,
    /// When its source last answered.
    pub last_read: Option<SystemTime>,
    /// Whether reads of its source have only failed for longer than 30 seconds, its source has closed by itself, or its tasks
    /// have ended with their runtime. A consumer that is stalled reads nothing.
    pub is_stalled: bool,
    /// Whether it is paused.
    pub is_paused: bool,
    /// How many deliveries it holds.
    pub held: usize,
}

impl Control {
    pub(crate) fn health(&self) -> ConsumerHealth {
        let (last_read, failing_since, is_closed) = {
            let health = lock(&self.consumer.health);
            (health.last_read, health.failing_since, health.is_closed)
        };
        let fails = failing_since.is_some_and(|since| since.elapsed() >= STALLED);
        let is_dead = self.is_dead();
        if is_dead {
            self.consumer.notices.warnings.stalled(self.group(), "its tasks have ended with their runtime");
        }
        ConsumerHealth {
            group: Arc::clone(self.group()),
            last_read,
            is_stalled: fails || is_closed || is_dead,
            is_paused: self.is_paused(),
            held: self.consumer.scheduler.held(),
        }
    }
}
