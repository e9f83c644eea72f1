//! A batch that is under way when all its publishers have given up goes on by itself.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use eventbus::{
    Bus, PublishError,
    transport::{Answer, BoxFuture, Capabilities, GroupSpec, GroupState, Message, Refusal, Source, Transport},
};
use tokio::sync::Semaphore;

use crate::support::{Job, Log, OnDrop, assert_balanced, current_thread, poll_once, yield_a_lot};

/// Takes a batch when its gate is opened.
#[derive(Clone)]
struct Slow {
    gate: Arc<Semaphore>,
    taken: Log<Vec<u64>>,
    dropped: Arc<Mutex<u32>>,
}

impl Slow {
    fn bus() -> (Self, Bus) {
        let slow = Self { gate: Arc::new(Semaphore::new(0)), taken: Log::default(), dropped: Arc::default() };
        let bus = Bus::builder().transport(slow.clone()).build();
        (slow, bus)
    }
}

impl Transport for Slow {
    fn capabilities(&self) -> Capabilities {
        Capabilities::IN_PROCESS.with_max_batch(2)
    }
    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        Box::pin(async move {
            let _dropped = OnDrop(|| *self.dropped.lock().unwrap() += 1);
            self.gate.acquire().await.unwrap().forget();
            self.taken.add(batch.iter().map(|message| message.downcast_ref::<Job>().unwrap().0).collect());
            batch.iter().map(|_| Ok(())).collect()
        })
    }
    fn subscribe(&self, _: GroupSpec) -> Answer<'_, Arc<dyn Source>> {
        unreachable!()
    }
    fn groups(&self) -> Answer<'_, Vec<GroupState>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn remove_group<'a>(&'a self, _: &'a str) -> Answer<'a, Vec<Message>> {
        unreachable!()
    }
    fn close(&self, _: Duration) -> Answer<'_, Vec<(Option<Arc<str>>, Message)>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_under_way_goes_on_though_all_its_publishers_have_given_up() {
    let (slow, bus) = Slow::bus();
    let mut first = bus.publish(Arc::new(Job(1)));
    assert!(poll_once(&mut first).is_pending());
    let timed_out = bus.publish(Arc::new(Job(2))).timeout(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(timed_out, PublishError::Full(_)), "it was behind the batch: {timed_out}");
    assert_eq!(*first.into_event().unwrap(), Job(1));
    yield_a_lot().await;
    assert_eq!((slow.taken.take(), *slow.dropped.lock().unwrap()), (vec![], 0));
    slow.gate.add_permits(1);
    yield_a_lot().await;
    assert_eq!((slow.taken.take(), *slow.dropped.lock().unwrap()), (vec![vec![1]], 1), "nobody has published since");
    assert_eq!((bus.stats().published.unknown, bus.stats().published.rejected), (1, 1));
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_comes_later_waits_for_the_batch_that_is_left_alone() {
    let (slow, bus) = Slow::bus();
    for round in 0..3 {
        let mut given_up = bus.publish(Job(round));
        assert!(poll_once(&mut given_up).is_pending());
        drop(given_up);
        yield_a_lot().await;
        let mut later = bus.publish(Job(10 + round));
        assert!(poll_once(&mut later).is_pending());
        yield_a_lot().await;
        assert_eq!(slow.taken.take(), [] as [Vec<u64>; 0]);
        slow.gate.add_permits(1);
        yield_a_lot().await;
        assert_eq!(slow.taken.take(), [vec![round]], "one batch is under way at a time");
        // The one that waits is woken, and sends the next; it gives up, too, or does not.
        let waits = tokio::spawn({
            let bus = bus.clone();
            async move { bus.publish(Job(20 + round)).await.unwrap() }
        });
        assert!(poll_once(&mut later).is_pending());
        yield_a_lot().await;
        if round == 1 {
            drop(later);
            slow.gate.add_permits(2);
        } else {
            slow.gate.add_permits(2);
            later.await.unwrap();
        }
        waits.await.unwrap();
        slow.taken.take();
        // What was not needed.
        while let Ok(permit) = slow.gate.try_acquire() {
            permit.forget();
        }
    }
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_left_alone_and_never_answered_ends_after_thirty_seconds() {
    let (slow, bus) = Slow::bus();
    let mut given_up = bus.publish(Job(1));
    assert!(poll_once(&mut given_up).is_pending());
    drop(given_up);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(*slow.dropped.lock().unwrap(), 1);
}

#[test]
fn without_a_runtime_the_batch_is_dropped_with_its_last_publisher() {
    let (slow, bus) = Slow::bus();
    let mut given_up = bus.publish(Job(1));
    assert!(poll_once(&mut given_up).is_pending());
    drop(given_up);
    assert_eq!(*slow.dropped.lock().unwrap(), 1);
    // Nor with one that has gone, at whatever time it goes.
    for goes_first in [true, false] {
        let (slow, bus) = Slow::bus();
        let runtime = current_thread();
        let mut given_up = bus.publish(Job(1));
        runtime.block_on(async { assert!(poll_once(&mut given_up).is_pending()) });
        if goes_first {
            drop(runtime);
            drop(given_up);
        } else {
            drop(given_up);
            assert_eq!(*slow.dropped.lock().unwrap(), 0);
            drop(runtime);
        }
        assert_eq!(*slow.dropped.lock().unwrap(), 1);
        // The next one finds nothing under way.
        let runtime = current_thread();
        slow.gate.add_permits(1);
        runtime.block_on(async { bus.publish(Job(2)).await }).unwrap();
        assert_eq!(slow.taken.take(), [vec![2]]);
        assert_balanced(&bus.stats());
    }
}

#[test]
fn without_a_runtime_the_batch_stays_until_the_last_of_its_publishers_has_left() {
    let (slow, bus) = Slow::bus();
    let mut first = bus.publish(Job(1));
    let (mut second, mut third) = (bus.publish(Job(2)), bus.publish(Job(3)));
    for waits in [&mut first, &mut second, &mut third] {
        assert!(poll_once(waits).is_pending());
    }
    slow.gate.add_permits(1);
    assert!(poll_once(&mut first).is_ready());
    assert!(poll_once(&mut second).is_pending());
    // Its neighbour in the batch goes.
    drop(third);
    assert_eq!(*slow.dropped.lock().unwrap(), 1, "the first batch only");
    slow.gate.add_permits(1);
    assert!(poll_once(&mut second).is_ready());
    assert_eq!(slow.taken.take(), [vec![1], vec![2, 3]]);
    assert_balanced(&bus.stats());
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_is_kept_and_not_polled_holds_up_no_other() {
    let (slow, bus) = Slow::bus();
    let mut kept = bus.publish(Job(1));
    assert!(poll_once(&mut kept).is_pending());
    let others: Vec<_> = (2..5)
        .map(|id| {
            tokio::spawn({
                let bus = bus.clone();
                async move { bus.publish(Job(id)).await.unwrap() }
            })
        })
        .collect();
    yield_a_lot().await;
    slow.gate.add_permits(10);
    for other in others {
        other.await.unwrap();
    }
    assert_eq!(slow.taken.take(), [vec![1], vec![2, 3], vec![4]]);
    kept.await.unwrap();
    assert_balanced(&bus.stats());
}

#[test]
fn a_runtime_that_stands_still_holds_up_no_publisher_of_another() {
    for is_polled_by_tokio in [true, false] {
        let (slow, bus) = Slow::bus();
        let still = current_thread();
        let mut kept = bus.publish(Job(1));
        still.block_on(async { assert!(poll_once(&mut kept).is_pending()) });
        let opener = std::thread::spawn({
            let gate = Arc::clone(&slow.gate);
            move || gate.add_permits(10)
        });
        let publish = bus.publish(Job(2));
        if is_polled_by_tokio {
            current_thread().block_on(publish).unwrap();
        } else {
            futures_executor::block_on(publish).unwrap();
        }
        opener.join().unwrap();
        assert_eq!(slow.taken.take(), [vec![1], vec![2]]);
        still.block_on(kept).unwrap();
    }
}

#[test]
fn an_answer_wakes_the_publishers_of_runtimes_other_than_that_in_which_the_batch_was_begun() {
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let (slow, bus) = Slow::bus();
    let still = current_thread();
    let mut kept = bus.publish(Job(1));
    still.block_on(async { assert!(poll_once(&mut kept).is_pending()) });
    let mut waits = bus.publish(Job(2));
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    assert!(Pin::new(&mut waits).poll(&mut Context::from_waker(&waker)).is_pending());
    slow.gate.add_permits(2);
    assert!(woken.0.load(Ordering::SeqCst));
    assert!(poll_once(&mut waits).is_ready());
    assert_eq!(slow.taken.take(), [vec![1], vec![2]]);
    still.block_on(kept).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_gone_leaves_neither_a_batch_nor_a_task_nor_its_transport() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    for is_answered in [true, false] {
        let (slow, bus) = Slow::bus();
        let mut publish = Box::pin(bus.publish(Job(1)));
        assert!(poll_once(&mut publish).is_pending());
        if is_answered {
            slow.gate.add_permits(1);
            publish.await.unwrap();
        } else {
            yield_a_lot().await;
            drop(publish);
        }
        // At once, before the driver has run again.
        drop(bus);
        assert_eq!((*slow.dropped.lock().unwrap(), Arc::strong_count(&slow.gate)), (1, 1), "{is_answered}");
        yield_a_lot().await;
        assert_eq!(tasks(), 0);
    }
}
