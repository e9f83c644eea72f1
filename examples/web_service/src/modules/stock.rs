//! The stock: reserves what is ordered, takes in what is delivered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use eventbus::Bus;
use serde::Serialize;

use super::lock;
use crate::{
    catalogue::{Item, STUCK},
    events::{Order, OrderPlaced, OrderWithdrawn, Refusal, StockDelivered},
    log,
};

/// The module.
pub(crate) struct Stock {
    warehouse: Arc<Warehouse>,
}

/// What the stock did and has.
#[derive(Debug, Serialize)]
pub(crate) struct StockSummary {
    left: BTreeMap<String, u32>,
    /// Orders that goods lie ready for.
    reserved: usize,
    deliveries: usize,
    /// Calls that were stopped before they had ended.
    stopped: usize,
}

#[derive(Default)]
struct Warehouse {
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    left: BTreeMap<String, u32>,
    reserved: BTreeMap<u64, u32>,
    deliveries: usize,
    stopped: usize,
}

impl Stock {
    /// Registers the module's listeners.
    pub(crate) fn new(bus: &Bus, items: &[Item]) -> Self {
        let left = items.iter().map(|item| (item.name.to_owned(), item.stock)).collect();
        let shelves = Mutex::new(Shelves { left, ..Shelves::default() });
        let warehouse = Arc::new(Warehouse { shelves });
        let scope = bus.scope("stock");
        // These run inside the emitting task: a request that ends early drops them at their await, and since all they do
        // to the shelves comes after it, nothing is left half done.
        scope
            .listener::<OrderPlaced>()
            .named("stock.reserve")
            .with(Arc::clone(&warehouse))
            .on_async(|warehouse, e| async move { warehouse.reserve(&e.order).await });
        scope
            .listener::<StockDelivered>()
            .named("stock.take_in")
            .with(Arc::clone(&warehouse))
            .on_async(|warehouse, e| async move { warehouse.take_in(&e).await });
        scope
            .listener::<OrderWithdrawn>()
            .named("stock.release")
            .with(Arc::clone(&warehouse))
            .on(|warehouse, e| warehouse.release(&e.order));
        Self { warehouse }
    }

    /// What it did so far.
    pub(crate) fn summary(&self) -> StockSummary {
        let shelves = lock(&self.warehouse.shelves);
        StockSummary {
            left: shelves.left.clone(),
            reserved: shelves.reserved.len(),
            deliveries: shelves.deliveries,
            stopped: shelves.stopped,
        }
    }
}

impl Warehouse {
    async fn reserve(&self, order: &Order) -> Result<(), Refusal> {
        let what = format!("order {}: reserving", order.id);
        self.ask(&order.item, &what).await;
        let mut shelves = lock(&self.shelves);
        let left = shelves.left.get_mut(&order.item).ok_or(Refusal::NotOurs)?;
        *left = left.checked_sub(order.quantity).ok_or(Refusal::OutOfStock { left: *left })?;
        shelves.reserved.insert(order.id, order.quantity);
        Ok(())
    }

    async fn take_in(&self, delivery: &StockDelivered) -> Result<(), Refusal> {
        let what = format!("delivery of {}: taking in", delivery.item);
        self.ask(&delivery.item, &what).await;
        let mut shelves = lock(&self.shelves);
        let left = shelves.left.get_mut(&delivery.item).ok_or(Refusal::NotOurs)?;
        *left = left.saturating_add(delivery.quantity);
        shelves.deliveries += 1;
        Ok(())
    }

    fn release(&self, order: &Order) {
        let mut shelves = lock(&self.shelves);
        // Nothing, if it was refused or stopped.
        let quantity = shelves.reserved.remove(&order.id).unwrap_or(0);
        if let Some(left) = shelves.left.get_mut(&order.item) {
            *left = left.saturating_add(quantity);
        }
        log::line(format_args!("order {}: released {quantity} of {}", order.id, order.item));
    }

    /// Stands for a call to the warehouse over the network.
    async fn ask(&self, item: &str, what: &str) {
        log::line(format_args!("{what}"));
        let mut call = Call { warehouse: self, what, answered: false };
        if item == STUCK {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        call.answered = true;
    }
}

/// A call to the warehouse; one that is dropped before its answer was stopped.
struct Call<'a> {
    warehouse: &'a Warehouse,
    what: &'a str,
    answered: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.answered {
            lock(&self.warehouse.shelves).stopped += 1;
            log::line(format_args!("{} was stopped", self.what));
        }
    }
}
