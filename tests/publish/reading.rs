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
    Bus, Event,
    consumer::Batch,
    transport::{
        Answer, BoxFuture, Capabilities, GroupSpec, GroupState, LeaseId, Leased, Memory, Message, Read, Refusal,
        Settlement, Source, Transport, Unsettled,
    },
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

/// A memory that is watched, and that answers nothing at once.
#[derive(Clone, Default)]
struct Spy(Arc<Memory>, Arc<Seen>);

struct SpySource(Arc<dyn Source>, Arc<Seen>);

impl Transport for Spy {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        self.0.try_publish(batch)
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        self.0.publish(batch)
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        self.0.ready()
    }

    fn subscribe(&self, group: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        Box::pin(async move {
            let source: Arc<dyn Source> = Arc::new(SpySource(self.0.subscribe(group).await?, Arc::clone(&self.1)));
            Ok(source)
        })
    }

    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        self.0.groups()
    }

    fn remove_group<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<Message>> {
        self.0.remove_group(name)
    }

    fn close(&self, deadline: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        self.0.close(deadline)
    }
}

impl Source for SpySource {
    fn next<'a>(&'a self, max: usize, into: &'a mut Vec<Leased>) -> Answer<'a, Read> {
        let seen = Arc::clone(&self.1);
        let mut given_up = Some(OnDrop(move || _ = seen.given_up.fetch_add(1, Ordering::SeqCst)));
        Box::pin(async move {
            let attempt = *self.1.attempt.lock().unwrap();
            let mut next = self.0.next(max, into);
            let read = std::future::poll_fn(|cx| {
                let take = |panics: usize| panics.checked_sub(1);
                let panics = self.1.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
                assert!(panics.is_err(), "boom: a read");
                Poll::Ready(ready!(next.as_mut().poll(cx)))
            });
            let read = read.await;
            drop(next);
            std::mem::forget(given_up.take());
            if let Some(attempt) = attempt {
                let hostile =
                    |leased: Leased| Leased::new(leased.into_message(), LeaseId::NONE).with_deliveries(attempt);
                *into = std::mem::take(into).into_iter().map(hostile).collect();
            }
            read
        })
    }

    fn settle(&self, batch: Vec<Leased>) -> BoxFuture<'static, Vec<Unsettled>> {
        let take = |panics: usize| panics.checked_sub(1);
        let panics = self.1.settle_panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        let settled = self.0.settle(batch);
        match panics {
            Ok(left) if left % 2 == 0 => panic!("boom: told"),
            Ok(_) => Box::pin(async { panic!("boom: an answer") }),
            Err(_) => settled,
        }
    }

    fn close(&self) -> Answer<'_, ()> {
        self.0.close()
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
    let report = bus.shutdown(HOUR).await;
    assert!(report.is_clean(), "{report}");
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
async fn what_is_to_come_again_in_a_time_without_end_is_still_in_the_memory() {
    let spy = Spy::default();
    let bus = Bus::builder().transport(spy.clone()).build();
    let source = spy.0.subscribe(GroupSpec::new("group")).await.unwrap();
    bus.publish(Job(0)).await.unwrap();
    let mut batch = Vec::new();
    source.next(1, &mut batch).await.unwrap();
    batch[0].settle_as(Settlement::Again { after: Duration::MAX });
    assert!(source.try_settle(&mut batch));
    let state = spy.0.groups().await.unwrap().remove(0);
    assert_eq!((state.depth, state.delayed), (Some(0), 1));
    assert_eq!(bus.shutdown(HOUR).await.returned().len(), 1);
}

/// No group handles it.
#[derive(Event)]
struct Nobodys;

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
            // Not due yet, and for no group.
            for id in 3..5 {
                bus.publish(Job(id)).after(HOUR).await.unwrap();
            }
            bus.publish(Nobodys).await.unwrap();
            log.add(bus);
        });
        return drop(log.take());
    }
    let name = "reading::a_last_bus_that_goes_away_says_on_stderr_what_it_discards";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("eventbus: ") && said.contains("deliveries in flight, now discarded: 6"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_ends_where_an_event_of_another_handler_follows() {
    #[derive(Event)]
    struct Placed;

    let (bus, log) = (Bus::new(), Log::default());
    let (batches, placed) = (log.clone(), log.clone());
    let note = move |jobs: Batch<Job>| {
        batches.add(jobs.iter().map(|job| job.0).collect());
        async {}
    };
    let single = move |_, _| {
        placed.add(vec![]);
        async {}
    };
    let consumer = bus.consumer("group").workers(1).handle_batch::<Job>(8, Duration::ZERO, note);
    let consumer = consumer.handle::<Placed>(single).start().await.unwrap();
    consumer.pause();
    for id in [0, 2] {
        bus.publish(Job(id)).await.unwrap();
        bus.publish(Job(id + 1)).await.unwrap();
        bus.publish(Placed).await.unwrap();
    }
    consumer.resume();
    bus.drained(HOUR).await.unwrap();
    assert_eq!(log.take(), [vec![0, 1], vec![], vec![2, 3], vec![]]);
    assert_eq!(group(&bus, "group").handled, 6);
}
