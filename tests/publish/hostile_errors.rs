//! P1 and P6: whatever a handler's error, or a transport's, says, printing it ends, is short, and does not panic.

#[path = "../common/hostile.rs"]
mod hostile;

use std::{error::Error, future::ready, sync::Arc, time::Duration};

use eventbus::{
    BoxError, Bus, Failed, PublishError, Retry,
    consumer::AttemptError,
    transport::{Answer, BoxFuture, Capabilities, GroupSpec, GroupState, Memory, Message, Refusal, Source, Transport},
};

use crate::support::{HOUR, Job, Log, hush, within};

/// Makes an error, as often as it is asked.
type Makes = fn() -> BoxError;

/// Runs a future on a thread of its own, and fails if it hangs.
fn finishes(future: impl Future<Output = ()> + Send + 'static) {
    hush();
    within(Duration::from_mins(1), "printing it", || crate::support::current_thread().block_on(future));
}

/// Prints it all ways, and asks it for what caused it.
fn check(error: &(dyn Error + 'static)) {
    hostile::check(&error);
    let _ = error.source();
}

#[test]
fn what_a_handler_fails_with_harms_no_dead_letter() {
    for make in hostile::EACH {
        finishes(async move {
            let (bus, log) = (Bus::new(), Log::<AttemptError>::default());
            let failed = log.clone();
            bus.on::<Failed<Job>>(move |e| {
                hostile::check(&e.letter);
                assert!(format!("{e:?}").len() < hostile::MOST_OF_A_CHAIN);
                failed.add(e.letter.error.clone());
            });
            let consumer = bus.consumer("group").handle::<Job>(move |_, _| async move { Err(make()) });
            consumer.retry(Retry::fixed(Duration::ZERO).max_attempts(2)).start().await.unwrap();
            bus.publish(Job(1)).await.unwrap();
            bus.shutdown(HOUR).await;
            let letters = bus.dead_letters().list().await.unwrap();
            assert_eq!(letters.len(), 1);
            hostile::check(&letters[0]);
            check(&letters[0].error);
            assert!(format!("{:?}", bus.dead_letters()).len() < hostile::MOST_OF_A_CHAIN);
            bus.settled().await.unwrap();
            assert_eq!(log.take().len(), 1);
        });
    }
}

#[test]
fn the_message_of_a_panic_is_bounded_in_a_dead_letter() {
    finishes(async {
        let bus = Bus::new();
        let boom = || async { std::panic::panic_any("boom ".repeat(hostile::TEN_MEGABYTES / 5)) };
        let consumer = bus.consumer("group").handle::<Job>(move |_, _| boom());
        consumer.retry(Retry::never()).start().await.unwrap();
        bus.publish(Job(1)).await.unwrap();
        bus.shutdown(HOUR).await;
        hostile::check(&bus.dead_letters().list().await.unwrap()[0]);
    });
}

#[test]
fn what_a_transport_says_harms_nobody() {
    for make in hostile::EACH {
        finishes(async move {
            for is_unknown in [false, true] {
                let bus = Bus::builder().transport(Says { make, is_unknown }).build();
                let error = bus.publish(Job(1)).await.unwrap_err();
                let expected = matches!(error, PublishError::Unknown { .. }) == is_unknown;
                assert!(expected, "{error}");
                check(&error);
                let refused = (Says { make, is_unknown }).try_publish(&mut []).unwrap_err();
                assert!(format!("{refused:?}").len() < hostile::MOST_OF_A_CHAIN);
                let error = bus.consumer("group").handle::<Job>(|_, _| async {}).start().await.unwrap_err();
                hostile::check(&error);
                let deferred = bus.deferred();
                deferred.publish(Job(2));
                let released = deferred.release().await;
                hostile::check(&released);
                hostile::check(&released.into_result().unwrap_err());
            }
        });
    }
}

/// A transport that refuses with an error.
struct Says {
    make: Makes,
    is_unknown: bool,
}

impl Transport for Says {
    fn capabilities(&self) -> Capabilities {
        Memory::new().capabilities()
    }

    fn try_publish(&self, _: &mut [Option<Message>]) -> Result<(), Refusal> {
        let error = (self.make)();
        Err(if self.is_unknown { Refusal::Unknown(error) } else { Refusal::Unwritable(error) })
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        Box::pin(ready(batch.iter().map(|_| self.try_publish(&mut [])).collect()))
    }

    fn subscribe(&self, _: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        Box::pin(ready(Err((self.make)())))
    }

    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        Box::pin(ready(Err((self.make)())))
    }

    fn remove_group<'a>(&'a self, _: &'a str) -> Answer<'a, Vec<Message>> {
        Box::pin(ready(Err((self.make)())))
    }

    fn close(&self, _: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        Box::pin(ready(Err((self.make)())))
    }
}
