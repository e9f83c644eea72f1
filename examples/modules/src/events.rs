//! What can happen. The modules share this file, the database and the bus, and nothing else.

use eventbus::Event;

/// Somebody has signed up.
#[derive(Debug, Clone, PartialEq, Event)]
pub(crate) struct UserCreated {
    pub(crate) id: i64,
    pub(crate) email: String,
}

/// A post can be read.
#[derive(Debug, Clone, PartialEq, Event)]
pub(crate) struct PostPublished {
    pub(crate) id: i64,
    pub(crate) author: i64,
    pub(crate) title: String,
}

/// Somebody wants to buy. Critical: a listener that fails keeps the order from being placed.
#[derive(Debug, Clone, PartialEq, Event)]
pub(crate) struct OrderPlacing {
    pub(crate) user: i64,
}

/// An order is stored.
#[derive(Debug, Clone, PartialEq, Event)]
pub(crate) struct OrderPlaced {
    pub(crate) id: i64,
    pub(crate) user: i64,
    pub(crate) item: String,
    pub(crate) cents: i64,
}

/// An item sells. For those who count; nobody waits for them.
#[derive(Debug, Clone, PartialEq, Event)]
pub(crate) struct ItemSold {
    pub(crate) item: String,
}
