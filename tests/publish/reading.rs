//! How a consumer reads its transport, and what it does with one that breaks its promises.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, ready},
    time::Duration,
};

use eventbus::{
    BoxError, BoxFuture, Bus, Capabilities, Group, GroupState, LeaseId, Leased, Memory, Message, Refused, Settle,
    Source, Transport,
};

use crate::support::{HOUR, Job, Log, OnDrop, assert_balanced, group, hush, yield_a_lot};

/// What a [`Spy`] saw, and what it is to do.
#[derive(Default)]
struct Seen {
    /// How many reads were given up.
    given_up: AtomicUsize,
    /// How many reads panic.
    panics: AtomicUsize,
    settle_panics: AtomicUsize,
    /// What stands on leases in place of their attempt.
    attempt: Mutex<Option<u32>>,
}

/// A memory that is watched.
#[derive(Clone, Default)]
struct Spy(Arc<Memory>, Arc<Seen>);

struct SpySource(Arc<dyn Source>, Arc<Seen>);

impl Transport for Spy {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn try_publish(&self, message: Message) -> Result<(), Refused> {
        self.0.try_publish(message)
    }

    fn publish(&self, batch: Vec<Message>) -> BoxFuture<'_, Vec<Result<(), Refused>>> {
        self.0.publish(batch)
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        self.0.ready()
    }

    fn subscribe(&self, group: Group) -> BoxFuture<'_, Result<Arc<dyn Source>, BoxError>> {
        Box::pin(async move {
            let source: Arc<dyn Source> = Arc::new(SpySource(self.0.subscribe(group).await?, Arc::clone(&self.1)));
            Ok(source)
        })
    }

    fn requeue(&self, group: &str, message: Message) -> BoxFuture<'_, Result<(), Refused>> {
        self.0.requeue(group, message)
    }

    fn groups(&self) -> Vec<GroupState> {
        self.0.groups()
    }

    fn close(&self, deadline: Duration) -> BoxFuture<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.0.close(deadline)
    }
}

impl Source for SpySource {
    fn next(&self, max: usize) -> BoxFuture<'_, Result<Vec<Leased>, BoxError>> {
        let seen = Arc::clone(&self.1);
        let mut given_up = Some(OnDrop(move || _ = seen.given_up.fetch_add(1, Ordering::SeqCst)));
        let mut next = self.0.next(max);
        Box::pin(std::future::poll_fn(move |cx| {
            let take = |panics: usize| panics.checked_sub(1);
            let panics = self.1.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
            assert!(panics.is_err(), "boom: a read");
            let mut read = ready!(next.as_mut().poll(cx));
            std::mem::forget(given_up.take());
            if let (Ok(leased), Some(attempt)) = (&mut read, *self.1.attempt.lock().unwrap()) {
                for one in leased {
                    one.attempt = attempt;
                }
            }
            Poll::Ready(read)
        }))
    }

    fn settle(&self, leases: Vec<(LeaseId, Settle)>) -> Option<BoxFuture<'static, Result<(), BoxError>>> {
        let take = |panics: usize| panics.checked_sub(1);
        let panics = self.1.settle_panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        let told = self.0.settle(leases);
        match panics {
            Ok(left) if left % 2 == 0 => panic!("boom: told"),
            Ok(_) => Some(Box::pin(async { panic!("boom: an answer") })),
            Err(_) => told,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_not_given_up_for_each_delivery_that_ends() {
    let spy = Spy::default();
    let bus = Bus::builder().transport(spy.clone()).build();
    bus.consumer("group").handle::<Job>(|_, _| tokio::task::yield_now()).workers(4).start().await.unwrap();
    for id in 0..200 {
        bus.publish(Job(id)).await.unwrap();
        yield_a_lot().await;
    }
    assert!(bus.shutdown(HOUR).await.is_clean());
    assert_eq!(group(&bus, "group").handled, 200);
    let given_up = spy.1.given_up.load(Ordering::SeqCst);
    assert!(given_up <= 1, "{given_up} reads were given up: the last one at the end");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_is_read_again() {
    hush();
    let spy = Spy::default();
    spy.1.panics.store(3, Ordering::SeqCst);
    let bus = Bus::builder().transport(spy).build();
    bus.consumer("group").handle::<Job>(|_, _| async {}).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    let report = bus.shutdown(HOUR).await;
    assert!(report.is_clean(), "{report}");
    let stats = group(&bus, "group");
    assert_eq!((stats.handled, stats.read_errors), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_when_it_is_told_keeps_its_worker() {
    hush();
    let spy = Spy::default();
    spy.1.settle_panics.store(2, Ordering::SeqCst);
    let bus = Bus::builder().transport(spy).build();
    bus.consumer("group").handle::<Job>(|_, _| async {}).start().await.unwrap();
    for id in 0..4 {
        bus.publish(Job(id)).await.unwrap();
        yield_a_lot().await;
    }
    let report = bus.shutdown(HOUR).await;
    assert!(report.is_clean(), "{report}");
    let stats = group(&bus, "group");
    assert_eq!((stats.handled, stats.settle_errors), (4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_lease_without_attempts_is_handed_back() {
    let spy = Spy::default();
    *spy.1.attempt.lock().unwrap() = Some(0);
    let bus = Bus::builder().transport(spy).build();
    let handler = |_: Arc<Job>, _| std::future::pending::<()>();
    let consumer = bus.consumer("group").handle::<Job>(handler).start().await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    yield_a_lot().await;
    assert_eq!(consumer.stop(Duration::from_secs(1)).await.returned, 1);
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn what_is_nacked_for_ever_is_still_in_the_memory() {
    let spy = Spy::default();
    let bus = Bus::builder().transport(spy.clone()).build();
    bus.publish(Job(0)).await.unwrap();
    let source = spy.0.subscribe(Group::new("group")).await.unwrap();
    let lease = source.next(1).await.unwrap().remove(0).lease;
    let settled = source.settle(vec![(lease, Settle::Nack { after: Duration::MAX, attempts: 1 })]);
    assert!(settled.is_none());
    assert_eq!(spy.0.groups()[0].depth, Some(1));
    assert_eq!(bus.shutdown(HOUR).await.returned().len(), 1);
}

#[test]
fn a_last_bus_that_goes_away_says_on_stderr_what_it_discards() {
    const CHILD: &str = "EVENTBUS_DISCARDS";
    if std::env::var_os(CHILD).is_some() {
        let log = Log::<Bus>::default();
        crate::support::current_thread().block_on(async {
            let bus = Bus::new();
            bus.consumer("group").handle::<Job>(|_, _| std::future::pending::<()>()).start().await.unwrap();
            for id in 0..3 {
                bus.publish(Job(id)).await.unwrap();
            }
            log.add(bus);
        });
        return drop(log.take());
    }
    let name = "reading::a_last_bus_that_goes_away_says_on_stderr_what_it_discards";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("eventbus: ") && said.contains("3 deliveries in flight"), "{said}");
}
