//! What can happen in the shop, and the one error that listeners and emitters agree on.
//!
//! This file is all that the modules and the API share besides the bus.

use std::{fmt, sync::Arc};

use eventbus::Event;
use serde::Serialize;

/// What somebody wants to buy.
#[derive(Debug, Serialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) item: String,
    pub(crate) quantity: u32,
    pub(crate) cents: u64,
    pub(crate) email: String,
}

/// Somebody wants to buy. Critical: the order stands if every listener finishes well.
#[derive(Debug, Event)]
pub(crate) struct OrderPlaced {
    pub(crate) order: Arc<Order>,
}

/// An order stands. Nobody waits for those who hear it.
#[derive(Debug, Event)]
pub(crate) struct OrderConfirmed {
    pub(crate) order: Arc<Order>,
}

/// An order does not stand after all, for whatever reason: what was done for it is to be undone.
#[derive(Debug, Event)]
pub(crate) struct OrderWithdrawn {
    pub(crate) order: Arc<Order>,
}

/// Somebody looked at an order.
#[derive(Debug, Event)]
pub(crate) struct OrderViewed {
    pub(crate) id: u64,
}

/// A supplier has brought goods.
#[derive(Debug, Event)]
pub(crate) struct StockDelivered {
    pub(crate) item: String,
    pub(crate) quantity: u32,
}

/// A listener's considered no, as opposed to its breakdown: the API answers 409 to the one and 502 to the other.
#[derive(Debug)]
pub(crate) enum Refusal {
    OutOfStock { left: u32 },
    NotOurs,
    CardDeclined,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfStock { left } => write!(f, "out of stock, {left} left"),
            Self::NotOurs => f.write_str("not an item of this shop"),
            Self::CardDeclined => f.write_str("the card was declined"),
        }
    }
}

impl std::error::Error for Refusal {}
