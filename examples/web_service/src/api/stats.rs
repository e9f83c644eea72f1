//! `GET /stats`: what is under way, and what was done.

use std::sync::{Arc, atomic::Ordering};

use axum::{Json, extract::State};
use serde::Serialize;

use super::Shop;
use crate::{
    modules::{AnalyticsSummary, MailSummary, PaymentSummary, StockSummary},
    orders::OrderCounts,
};

#[derive(Debug, Serialize)]
pub(super) struct Stats {
    in_flight: InFlight,
    orders: OrderCounts,
    stock: StockSummary,
    payment: PaymentSummary,
    mail: MailSummary,
    analytics: AnalyticsSummary,
    /// Listeners that did not finish well.
    failures: usize,
    listeners: usize,
}

/// What has begun and has not ended.
#[derive(Debug, Serialize)]
struct InFlight {
    requests: usize,
    spawned_emissions: usize,
    spawned_listeners: usize,
}

pub(super) async fn stats(State(shop): State<Arc<Shop>>) -> Json<Stats> {
    let bus = shop.bus.in_flight();
    Json(Stats {
        in_flight: InFlight {
            requests: shop.requests.load(Ordering::Relaxed),
            spawned_emissions: bus.emissions,
            spawned_listeners: bus.listeners,
        },
        orders: shop.orders.counts(),
        stock: shop.stock.summary(),
        payment: shop.payment.summary(),
        mail: shop.mail.summary(),
        analytics: shop.analytics.summary(),
        failures: shop.failures.count(),
        listeners: shop.bus.listener_infos().len(),
    })
}
