//! `POST /import`: many events under one deadline.

use std::sync::Arc;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use eventbus::EmitError;
use serde::{Deserialize, Serialize};

use super::{
    Shop,
    error::{ApiError, Problem},
};
use crate::events::StockDelivered;

/// A line of the body, which is an array of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    item: String,
    quantity: u32,
}

/// The answer, also to an import that was ended early.
#[derive(Debug, Serialize)]
pub(super) struct Imported {
    lines: usize,
    /// Lines whose listeners have all ended; some of them may be in `failed`. The lines after them were not imported.
    done: usize,
    failed: Vec<FailedLine>,
    /// Why it was ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Problem>,
}

#[derive(Debug, Serialize)]
struct FailedLine {
    line: usize,
    #[serde(flatten)]
    problem: Problem,
}

/// Takes in a supplier's delivery, line by line.
pub(super) async fn import(
    State(shop): State<Arc<Shop>>,
    body: Result<Json<Vec<Line>>, JsonRejection>,
) -> Result<(StatusCode, Json<Imported>), ApiError> {
    let Json(lines) = body?;
    let request = shop.request();
    // For a loop over one type of event: no look-up for each.
    let mut deliveries = shop.bus.emitter::<StockDelivered>();
    let mut imported = Imported { lines: lines.len(), done: 0, failed: Vec::new(), ended: None };

    for (at, Line { item, quantity }) in lines.into_iter().enumerate() {
        // The same moment for all: an emission that begins after it runs nothing and says that it timed out.
        let delivered = deliveries.emit(StockDelivered { item, quantity });
        match delivered.cancel_on(&request.token).deadline(request.deadline).await.into_result() {
            Ok(_) => {}
            // One line is wrong, the next may be right.
            Err(EmitError::Failed(report)) => {
                imported.failed.push(FailedLine { line: at + 1, problem: EmitError::Failed(report).into() });
            }
            Err(error) => {
                let problem = Problem::from(error);
                let status = problem.status();
                imported.ended = Some(problem);
                return Ok((status, Json(imported)));
            }
        }
        imported.done += 1;
    }
    Ok((StatusCode::OK, Json(imported)))
}
