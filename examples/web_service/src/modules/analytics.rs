//! The analytics: what sells, and what is looked at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use eventbus::Bus;
use serde::Serialize;

use super::lock;
use crate::events::{OrderConfirmed, OrderViewed, OrderWithdrawn};

/// The module.
pub(crate) struct Analytics {
    counters: Arc<Mutex<AnalyticsSummary>>,
}

/// What was counted.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct AnalyticsSummary {
    sold: BTreeMap<String, u64>,
    lost: BTreeMap<String, u64>,
    views: u64,
    last_viewed: Option<u64>,
}

impl Analytics {
    /// Registers the module's listeners. They only count, so they are synchronous: no task, no allocation.
    pub(crate) fn new(bus: &Bus) -> Self {
        let counters = Arc::<Mutex<AnalyticsSummary>>::default();
        let scope = bus.scope("analytics");
        scope.listener::<OrderConfirmed>().named("analytics.sold").with(Arc::clone(&counters)).on(|counters, e| {
            *lock(&counters).sold.entry(e.order.item.clone()).or_default() += u64::from(e.order.quantity);
        });
        scope.listener::<OrderWithdrawn>().named("analytics.lost").with(Arc::clone(&counters)).on(|counters, e| {
            *lock(&counters).lost.entry(e.order.item.clone()).or_default() += u64::from(e.order.quantity);
        });
        scope.listener::<OrderViewed>().named("analytics.views").with(Arc::clone(&counters)).on(|counters, e| {
            let mut counters = lock(&counters);
            counters.views += 1;
            counters.last_viewed = Some(e.id);
        });
        Self { counters }
    }

    /// What was counted so far.
    pub(crate) fn summary(&self) -> AnalyticsSummary {
        lock(&self.counters).clone()
    }
}
