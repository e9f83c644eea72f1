//! Events that come again with the same id.

use std::time::{Duration, Instant};

use eventbus::{Bus, PublishError, transport::MessageId};

use super::noting;
use crate::{
    Property,
    lab::Lab,
    messages::{event, sorted},
    outcome::{Checked, broken, ensure, ensure_eq, needs},
    property::property,
};

pub(crate) const ALL: &[Property] = &[
    property!(an_event_that_comes_again_within_its_window_is_refused: T8),
    property!(a_refusal_does_not_lengthen_the_window: T8),
];

/// Publishes a note with a window; whether it was taken.
async fn is_taken(bus: &Bus, number: u64, id: MessageId, window: Option<Duration>) -> Checked<bool> {
    let publish = bus.publish(event(number)).id(id);
    match if let Some(window) = window { publish.dedupe(window).await } else { publish.await } {
        Ok(()) => Ok(true),
        Err(PublishError::Duplicate(_)) => Ok(false),
        Err(error) => Err(broken("T8", "`Ok` or `Duplicate`", error.to_string())),
    }
}

/// T8: of events with one id and a window the first is taken; those with another id, or without a window, are taken as ever.
async fn an_event_that_comes_again_within_its_window_is_refused(lab: &mut Lab) -> Checked {
    const WINDOW: Option<Duration> = Some(Duration::from_hours(1));
    needs(lab.can.dedupe, "it keeps no ids")?;
    let (bus, errors) = lab.bus();
    let done = noting(&bus).await?;
    let (id, other) = (MessageId::new(), MessageId::new());
    let mut taken = Vec::new();
    for (number, id, window) in [(0, id, WINDOW), (1, id, WINDOW), (2, other, WINDOW), (3, id, None), (4, id, WINDOW)] {
        taken.push(is_taken(&bus, number, id, window).await?);
    }
    ensure_eq(&taken, &vec![true, false, true, true, false], "T8", "what is taken")?;
    // Nor are those that come in one batch with others.
    lab.publish_notes(&bus, 5..8).await?;
    lab.drained(&bus, "T1").await?;
    ensure_eq(&sorted(done.take()), &vec![0, 2, 3, 5, 6, 7], "T8", "what is handled")?;
    lab.shut_down(bus, &errors).await
}

/// T8: what is refused does not count: an id that is published again and again is taken once its window is over.
async fn a_refusal_does_not_lengthen_the_window(lab: &mut Lab) -> Checked {
    const WINDOW: Duration = Duration::from_millis(150);
    needs(lab.can.dedupe, "it keeps no ids")?;
    let (bus, errors) = lab.bus();
    let done = noting(&bus).await?;
    let (id, began) = (MessageId::new(), Instant::now());
    ensure(is_taken(&bus, 0, id, Some(WINDOW)).await?, "T8", "the first is taken", "a refusal")?;
    let again = loop {
        if is_taken(&bus, 1, id, Some(WINDOW)).await? {
            break began.elapsed();
        }
        ensure(began.elapsed() < WINDOW + lab.limits.patience, "T8", "it is taken after its window", "refusals")?;
        // In shorter intervals than the window.
        tokio::time::sleep(WINDOW / 10).await;
    };
    ensure(again + Duration::from_millis(5) >= WINDOW, "T8", format!("not before {WINDOW:?}"), again)?;
    lab.drained(&bus, "T1").await?;
    ensure_eq(&sorted(done.take()), &vec![0, 1], "T8", "what is handled")?;
    lab.shut_down(bus, &errors).await
}
