//! Gauges: what is so now, read when somebody asks.

use std::{collections::BTreeMap, sync::Arc};

use super::{MetricsPart, instruments::GroupGauges};
use crate::{
    emission::Bus,
    publish::asked,
    sync::{Mutex, lock},
    transport::{BoxFuture, GroupState, Operation},
};

/// The gauges of the groups that were there when they were last set.
pub(super) type Groups = Mutex<BTreeMap<Arc<str>, GroupGauges>>;

impl Bus {
    /// Sets the gauges of [`Metrics`](crate::Metrics): asks the transport about the groups of this bus, and the bus about its consumers.
    /// Without metrics, or a recorder, it does nothing.
    ///
    /// Nothing else sets them: call it before each scrape, or at an interval. What the transport cannot tell, or does not answer within
    /// 30 seconds, keeps its value; the error is told and counted as every error of the transport.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, some of the gauges have been set.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core as eventbus;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use eventbus::{Bus, Metrics};
    ///
    /// let bus = Bus::builder().metrics(Metrics::new()).build();
    /// bus.record_gauges().await;
    /// // Now the exporter renders what it has.
    /// # }
    /// ```
    pub async fn record_gauges(&self) {
        self.set_gauges().await;
    }

    /// Boxed, so that users' crates do not compile it once more.
    fn set_gauges(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let MetricsPart(Some(recording)) = self.state.parts.get::<MetricsPart>() else { return };
            let publishing = self.publishing();
            let states = match asked(|| publishing.transport.groups()).await {
                Ok(Ok(groups)) => groups,
                Ok(Err(error)) => {
                    publishing.notices.error(Operation::Groups, None, error);
                    Vec::new()
                }
                Err(panic) => {
                    publishing.notices.error(Operation::Groups, None, &*panic);
                    Vec::new()
                }
            };
            match asked(|| publishing.transport.health()).await {
                Ok(health) => {
                    if let Some(is_connected) = health.is_connected {
                        recording.bus.connected.set(as_number(is_connected));
                    }
                }
                Err(panic) => publishing.notices.error(Operation::Health, None, &*panic),
            }
            recording.bus.unrouted.set(count(publishing.unrouted().waiting));
            recording.bus.errors.absolute(publishing.notices.transport_errors.get());

            // Out of the lock while the recorder, which is foreign code, runs.
            let mut known = std::mem::take(&mut *lock(&recording.groups));
            let mut set = BTreeMap::new();
            let consumers = self.consumers().all();
            // Those that this bus has, or has had, a consumer for: other names come from outside.
            for (group, _) in publishing.ledgers() {
                let gauges = known.remove(&group).unwrap_or_else(|| GroupGauges::new(&recording.target, &group));
                let state = states.iter().find(|state| state.name == group);
                let health = consumers.iter().find(|control| *control.group() == group).map(|control| control.health());
                let of = |tell: fn(&GroupState) -> Option<f64>| state.and_then(tell);
                gauges.set([
                    of(|state| state.depth.map(count)),
                    of(|state| Some(count(state.delayed))),
                    of(|state| state.leased.map(count)),
                    of(|state| {
                        let of_none = (state.depth == Some(0)).then_some(0.0);
                        state.oldest_age.map(|age| age.as_secs_f64()).or(of_none)
                    }),
                    Some(health.as_ref().map_or(0.0, |health| count(health.held as u64))),
                    Some(health.as_ref().map_or(0.0, |health| as_number(health.is_paused))),
                    Some(health.as_ref().map_or(0.0, |health| as_number(health.is_stalled))),
                ]);
                set.insert(group, gauges);
            }
            known.values().for_each(GroupGauges::clear);
            lock(&recording.groups).extend(set);
        })
    }
}

fn as_number(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}
