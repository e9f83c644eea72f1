//! The HTTP side: what a request brings with it, and the routes. It knows the bus and the events, and calls no module but
//! to ask it for numbers.

mod error;
mod import;
mod orders;
mod stats;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    routing::{get, post},
};
use eventbus::Bus;
use tokio::time::{Duration, Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    log::FailureLog,
    modules::{Analytics, Mail, Payment, Stock},
    orders::Orders,
};

/// What the handlers share.
pub(crate) struct Shop {
    pub(crate) bus: Bus,
    pub(crate) orders: Arc<Orders>,
    pub(crate) stock: Stock,
    pub(crate) payment: Payment,
    pub(crate) mail: Mail,
    pub(crate) analytics: Analytics,
    pub(crate) failures: Arc<FailureLog>,
    /// How long a request may take.
    pub(crate) patience: Duration,
    /// Cancelled when shutdown has waited long enough.
    pub(crate) stop: CancellationToken,
    pub(crate) requests: AtomicUsize,
}

/// All routes.
pub(crate) fn routes(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/orders", post(orders::place))
        .route("/orders/{id}", get(orders::show))
        .route("/import", post(import::import))
        .route("/stats", get(stats::stats))
        .route("/healthz", get(async || "ok\n"))
        .with_state(shop)
}

/// A request under way: how long it may take, and what ends it early.
///
/// There is one deadline and one token for all that it emits. A client that goes away makes hyper drop the handler's
/// future, and this with it. That alone stops an emission that the handler awaits, with the listeners inside it; the guard
/// carries it on to whatever was given the token and runs in a task of its own. Being the child of the shop's, the token
/// also ends requests that hold up the shutdown.
struct Request<'s> {
    shop: &'s Shop,
    deadline: Instant,
    token: CancellationToken,
    _gone: DropGuard,
}

impl Shop {
    fn request(&self) -> Request<'_> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let token = self.stop.child_token();
        let gone = token.clone().drop_guard();
        Request { shop: self, deadline: Instant::now() + self.patience, token, _gone: gone }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.shop.requests.fetch_sub(1, Ordering::Relaxed);
    }
}
