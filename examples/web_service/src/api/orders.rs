//! `POST /orders` and `GET /orders/{id}`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::Deserialize;

use super::{Shop, error::ApiError};
use crate::{
    catalogue::{self, Item},
    events::{Order, OrderConfirmed, OrderPlaced, OrderViewed},
    orders::StoredOrder,
};

/// The most that one order may be for.
const MOST: u32 = 100;

/// The body of `POST /orders`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOrder {
    item: String,
    quantity: u32,
    email: String,
}

/// Places an order. It stands if all who must have a hand in it have done their part in time.
pub(super) async fn place(
    State(shop): State<Arc<Shop>>,
    body: Result<Json<NewOrder>, JsonRejection>,
) -> Result<(StatusCode, Json<StoredOrder>), ApiError> {
    let Json(new) = body?;
    let item = new.check()?;
    let placing = shop.orders.place(&shop.bus, |id| new.into_order(id, item));
    // Made after `placing`, it goes before it: what is still at work for an order is told before the order is withdrawn.
    let request = shop.request();
    let order = Arc::clone(placing.order());

    // Critical: the answer depends on it. A failure returns here, a client that goes away drops this future here; either
    // way `placing` goes and withdraws the order.
    let placed = shop.bus.emit(OrderPlaced { order });
    placed.cancel_on(&request.token).deadline(request.deadline).await.into_result()?;
    let order = placing.confirm();
    let id = order.id;

    // Not critical: nobody waits, failures reach the failure log. It has not the request's token, since it is to go on
    // when the request is done, but that of the shop.
    shop.bus.emit(OrderConfirmed { order }).cancel_on(&shop.stop).spawn();

    let stored = shop.orders.get(id).ok_or(ApiError::NoSuchOrder)?;
    Ok((StatusCode::CREATED, Json(stored)))
}

/// Shows an order.
pub(super) async fn show(State(shop): State<Arc<Shop>>, Path(id): Path<String>) -> Result<Json<StoredOrder>, ApiError> {
    let id = id.parse().map_err(|_| ApiError::NoSuchOrder)?;
    let stored = shop.orders.get(id).ok_or(ApiError::NoSuchOrder)?;
    shop.bus.emit(OrderViewed { id }).cancel_on(&shop.stop).spawn();
    Ok(Json(stored))
}

impl NewOrder {
    /// Whether it can be placed; the item that it is for.
    fn check(&self) -> Result<&'static Item, ApiError> {
        let item = catalogue::find(&self.item);
        let problems: Vec<_> = [
            (item.is_none(), "item: not an item of this shop"),
            (!(1..=MOST).contains(&self.quantity), "quantity: must be 1 to 100"),
            (!self.email.contains('@'), "email: not an address"),
        ]
        .into_iter()
        .filter_map(|(wrong, problem)| wrong.then_some(problem))
        .collect();
        match item {
            Some(item) if problems.is_empty() => Ok(item),
            _ => Err(ApiError::Invalid(problems)),
        }
    }

    fn into_order(self, id: u64, item: &Item) -> Order {
        let Self { item: name, quantity, email } = self;
        Order { id, item: name, quantity, cents: item.cents * u64::from(quantity), email }
    }
}
