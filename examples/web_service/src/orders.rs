//! The orders, in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use eventbus::Bus;
use serde::Serialize;

use crate::{
    events::{Order, OrderWithdrawn},
    modules::lock,
};

/// All orders.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    all: Mutex<BTreeMap<u64, StoredOrder>>,
}

/// An order and what became of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StoredOrder {
    #[serde(flatten)]
    pub(crate) order: Arc<Order>,
    pub(crate) status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Placed,
    Confirmed,
    Withdrawn,
}

/// How many orders there are of each status.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OrderCounts {
    placed: usize,
    confirmed: usize,
    withdrawn: usize,
}

impl Orders {
    /// Stores an order; `make` gets its id.
    pub(crate) fn place(self: &Arc<Self>, bus: &Bus, make: impl FnOnce(u64) -> Order) -> Placing {
        let mut all = lock(&self.all);
        let id = all.last_key_value().map_or(1, |(id, _)| id + 1);
        let order = Arc::new(make(id));
        all.insert(id, StoredOrder { order: Arc::clone(&order), status: Status::Placed });
        Placing { orders: Arc::clone(self), bus: bus.clone(), order, confirmed: false }
    }

    pub(crate) fn get(&self, id: u64) -> Option<StoredOrder> {
        lock(&self.all).get(&id).cloned()
    }

    pub(crate) fn counts(&self) -> OrderCounts {
        let mut counts = OrderCounts::default();
        for stored in lock(&self.all).values() {
            match stored.status {
                Status::Placed => counts.placed += 1,
                Status::Confirmed => counts.confirmed += 1,
                Status::Withdrawn => counts.withdrawn += 1,
            }
        }
        counts
    }

    fn set(&self, id: u64, status: Status) {
        if let Some(stored) = lock(&self.all).get_mut(&id) {
            stored.status = status;
        }
    }
}

/// An order that is being placed, and is withdrawn unless it is confirmed.
///
/// A request ends in more ways than its code shows: a listener fails, time is up, the client goes away and the request's
/// future is dropped where it stands. Only a drop sees them all.
#[derive(Debug)]
pub(crate) struct Placing {
    orders: Arc<Orders>,
    bus: Bus,
    order: Arc<Order>,
    confirmed: bool,
}

impl Placing {
    pub(crate) fn order(&self) -> &Arc<Order> {
        &self.order
    }

    /// Makes the order stand.
    pub(crate) fn confirm(mut self) -> Arc<Order> {
        self.confirmed = true;
        self.orders.set(self.order.id, Status::Confirmed);
        Arc::clone(&self.order)
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        if self.confirmed {
            return;
        }
        self.orders.set(self.order.id, Status::Withdrawn);
        // A drop cannot await. Spawned, it still belongs to the bus: shutdown waits for it. No token cancels it, since a
        // request that was cancelled needs it most.
        self.bus.emit(OrderWithdrawn { order: Arc::clone(&self.order) }).spawn();
    }
}
