//! Where deliveries come in: read, decoded, published.

use std::{io, path::Path};

use eventbus::{BoxError, Bus, Event};
use serde::de::DeserializeOwned;

use crate::{
    events::{IssueChanged, OtherChanged, PullRequestChanged, Pushed},
    input::{Delivery, Input},
};

/// What became of the deliveries.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    pub(crate) deliveries: u64,
    pub(crate) published: u64,
    pub(crate) refused: u64,
}

/// Publishes every delivery of a file. While a group's queue is full, it waits: it reads at the pace of the slowest reader.
///
/// # Errors
///
/// The file cannot be opened.
pub(crate) async fn publish_all(bus: &Bus, path: &Path) -> io::Result<Intake> {
    let mut input = Input::open(path)?;
    let mut intake = Intake::default();
    let mut buffer = Vec::new();
    while let Some((line, read)) = input.next_line(&mut buffer) {
        intake.deliveries += 1;
        let published = match read.and_then(|()| Delivery::parse(&buffer)) {
            Ok(delivery) => publish(bus, &delivery).await,
            Err(damage) => Err(damage.into()),
        };
        match published {
            Ok(()) => intake.published += 1,
            Err(error) => {
                eprintln!("pipeline: line {line} was not published: {error}");
                intake.refused += 1;
            }
        }
    }
    Ok(intake)
}

async fn publish(bus: &Bus, delivery: &Delivery<'_>) -> Result<(), BoxError> {
    match &*delivery.event {
        "issues" => publish_as::<IssueChanged>(bus, delivery).await,
        "pull_request" => publish_as::<PullRequestChanged>(bus, delivery).await,
        "push" => publish_as::<Pushed>(bus, delivery).await,
        _ => publish_as::<OtherChanged>(bus, delivery).await,
    }
}

async fn publish_as<E: Event + DeserializeOwned>(bus: &Bus, delivery: &Delivery<'_>) -> Result<(), BoxError> {
    let event: E = serde_json::from_str(delivery.payload.get())
        .map_err(|error| format!("`{}` is not as `{}` should be: {error}", delivery.name, E::NAME))?;
    bus.publish(event).await?;
    Ok(())
}
