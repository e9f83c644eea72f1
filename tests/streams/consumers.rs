//! Streams behind consumers.

use std::{sync::Arc, time::Duration};

use eventbus::{Bus, EventStream, Outcome, Overflow, Retry, stream::StreamFull};
use tokio::sync::Mutex;

use crate::{Tick, Tock, buffered};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_stream_that_waits_slows_the_consumer_that_hands_events_to_it() {
    let bus = Bus::new();
    let mut ticks = bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait);
    bus.consumer("intake").to_listeners::<Tick>().capacity(2).start().await.unwrap();

    let publisher = tokio::spawn({
        let bus = bus.clone();
        async move {
            for tick in 0..200 {
                bus.publish(Tick(tick)).await.unwrap();
            }
        }
    });
    for tick in 0..200 {
        let handled = bus.stats().deliveries().handled;
        assert!(handled <= tick + 1, "{handled} handled when {tick} were read");
        assert_eq!(ticks.next().await.unwrap().unwrap().0, tick);
    }
    publisher.await.unwrap();
    assert!(bus.shutdown(SOON).await.is_clean());
    assert!(ticks.next().await.is_none());
}

#[tokio::test]
async fn two_handlers_that_would_wait_for_each_other_through_a_stream_do_not_hang() {
    let bus = Bus::new();
    // Read inside of a handler whose group has one worker, which also hands on what is to be read.
    let ticks: Arc<Mutex<EventStream<Arc<Tick>>>> =
        Arc::new(Mutex::new(bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait)));
    let reader = Arc::clone(&ticks);
    bus.consumer("both")
        .to_listeners::<Tick>()
        .handle::<Tock>(move |_, _| {
            let ticks = Arc::clone(&reader);
            async move { drop(buffered(&mut *ticks.lock().await)) }
        })
        .retry(Retry::never())
        .start()
        .await
        .unwrap();

    bus.publish(Tock).await.unwrap(); // reads inside
    bus.publish(Tick(1)).await.unwrap();
    bus.publish(Tick(2)).await.unwrap(); // full
    let report = bus.shutdown(SOON).await;
    assert_eq!(report.still_running().count() + report.abandoned().count(), 0, "{report}");
    assert_eq!((report.stats().deliveries().handled, report.stats().deliveries().dead_lettered), (2, 1));
    let error = bus.dead_letters().list().await.unwrap()[0].error.to_string();
    assert!(error.contains("the stream is full"), "{error}");
    assert_eq!(buffered(&mut *ticks.lock().await), [Ok(1)]);
}

#[tokio::test]
async fn a_handler_that_makes_a_stream_and_fills_it_is_told() {
    let bus = Bus::new();
    let (told, mut tell) = tokio::sync::mpsc::unbounded_channel();
    bus.consumer("self")
        .handle::<Tock>(move |_, delivery| {
            let (told, bus) = (told.clone(), delivery.bus());
            async move {
                let bus = bus.ok_or("the bus is gone")?;
                let mut ticks = bus.stream::<Tick>().capacity(1).overflow(Overflow::Wait);
                let reports = [bus.emit(Tick(1)).await, bus.emit(Tick(2)).await];
                told.send((reports, buffered(&mut ticks))).map_err(|_| "the test is over")?;
                eventbus::Ok(())
            }
        })
        .retry(Retry::never())
        .start()
        .await
        .unwrap();
    bus.publish(Tock).await.unwrap();
    // Asserted here: the consumer contains a panic of its handler.
    let ([first, second], read) = tell.recv().await.unwrap();
    assert!(first.is_ok(), "{first}");
    let [failure] = second.failures() else { panic!("{second}") };
    assert!(matches!(failure.outcome(), Outcome::Failed(error) if error.is::<StreamFull>()), "{failure}");
    assert_eq!(read, [Ok(1)]);
    let report = bus.shutdown(SOON).await;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.stats().deliveries().handled, report.stats().deliveries().dead_lettered), (1, 0));
}
