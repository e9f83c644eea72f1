//! Nothing is left behind by emissions that are stopped or given up (P5, P6).

use std::{
    future::{pending, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use eventbus::{Bus, emit::InFlight};
use tokio::{runtime::Handle, time::sleep};

use super::support::{HOUR, Numbered, Ping, outcomes, poll_once};

#[tokio::test(start_paused = true)]
async fn a_hundred_timed_out_emissions_leave_no_task_and_no_future() {
    let bus = Bus::new();
    let alive = Arc::new(());
    bus.listener::<Ping>().with(alive.clone()).on_async(|alive, _| async move {
        sleep(HOUR).await;
        drop(alive);
    });
    bus.listener::<Ping>().with(alive.clone()).timeout(HOUR).on_async(|alive, _| async move {
        sleep(HOUR).await;
        drop(alive);
    });
    let tasks = Handle::current().metrics().num_alive_tasks();
    let held = Arc::strong_count(&alive);
    for _ in 0..100 {
        let report = bus.emit(Ping).timeout(Duration::from_millis(10)).await;
        assert_eq!(outcomes(&report), ["TimedOut", "TimedOut"]);
        assert_eq!(Arc::strong_count(&alive), held);
        assert_eq!(Handle::current().metrics().num_alive_tasks(), tasks);
    }
    bus.clear();
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[tokio::test(start_paused = true)]
async fn spawned_listeners_of_timed_out_emissions_are_gone_when_they_end() {
    let bus = Bus::new();
    let alive = Arc::new(());
    bus.listener::<Ping>().with(alive.clone()).spawned().on_async(|alive, _| async move {
        sleep(HOUR).await;
        drop(alive);
    });
    let tasks = Handle::current().metrics().num_alive_tasks();
    let held = Arc::strong_count(&alive);
    for _ in 0..100 {
        assert_eq!(outcomes(&bus.emit(Ping).timeout(Duration::from_millis(10)).await), ["StillRunning"]);
    }
    assert_eq!(bus.in_flight().listeners, 100);
    bus.settled().await.unwrap();
    assert_eq!(bus.in_flight(), InFlight::default());
    assert_eq!(Arc::strong_count(&alive), held);
    while Handle::current().metrics().num_alive_tasks() > tasks {
        tokio::task::yield_now().await;
    }
    bus.clear();
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        // xorshift64*, of Vigna.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}

/// Pending for `turns` polls.
async fn turns(mut turns: u64) {
    poll_fn(move |cx| {
        if turns == 0 {
            return Poll::Ready(());
        }
        turns -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What the listeners count.
#[derive(Default)]
struct Ledger {
    begun: AtomicUsize,
    ended: AtomicUsize,
    stopped: AtomicUsize,
}

/// One call of a listener; however it ends, it is counted.
struct Call {
    ledger: Arc<Ledger>,
    ended: bool,
}

impl Drop for Call {
    fn drop(&mut self) {
        let count = if self.ended { &self.ledger.ended } else { &self.ledger.stopped };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn ten_thousand_emissions_given_up_at_any_await_add_up() {
    const LISTENERS: usize = 5;
    let mut dice = Dice(0x5EED);
    let told = Arc::new(AtomicUsize::new(0));
    let hook = told.clone();
    let bus = Bus::builder().on_failure(move |_| _ = hook.fetch_add(1, Ordering::Relaxed)).build();
    let ledger = Arc::new(Ledger::default());
    for at in 0..LISTENERS as u64 {
        bus.listener::<Numbered>().with(ledger.clone()).on_async(move |ledger, e| async move {
            ledger.begun.fetch_add(1, Ordering::Relaxed);
            let mut call = Call { ledger, ended: false };
            // The event decides how long each listener takes: its number has five digits.
            turns(u64::from(e.0) / 10_u64.pow(u32::try_from(at).unwrap()) % 10).await;
            call.ended = true;
        });
    }
    let (mut finished, mut given_up) = (0, 0);
    for _ in 0..10_000 {
        let number = u32::try_from(dice.roll(100_000)).unwrap();
        let longest = u64::from((0..5).map(|at| number / 10_u32.pow(at) % 10).max().unwrap());
        let event = Arc::new(Numbered(number));
        let before = ledger.begun.load(Ordering::Relaxed);
        let polls = dice.roll(12);
        let mut emit = bus.emit(Arc::clone(&event));
        let mut report = None;
        for _ in 0..polls {
            if let Poll::Ready(done) = poll_once(&mut emit) {
                report = Some(done);
                break;
            }
        }
        if let Some(report) = report {
            assert!(polls > longest);
            assert_eq!((report.succeeded(), report.is_ok()), (LISTENERS, true));
            finished += 1;
        } else {
            assert!(polls <= longest);
            given_up += 1;
        }
        drop(emit);
        let begun = ledger.begun.load(Ordering::Relaxed) - before;
        assert_eq!(begun, if polls == 0 { 0 } else { LISTENERS });
        assert_eq!(Arc::strong_count(&event), 1, "the event outlives its emission");
    }
    assert_eq!(finished + given_up, 10_000);
    assert!(finished > 1000 && given_up > 1000, "{finished} {given_up}");
    let [begun, ended, stopped] =
        [&ledger.begun, &ledger.ended, &ledger.stopped].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(begun, ended + stopped);
    assert_eq!(told.load(Ordering::Relaxed), 0);
    bus.clear();
    assert_eq!(Arc::strong_count(&ledger), 1);
}

#[tokio::test]
async fn an_emission_given_up_leaves_nothing_in_its_futures_and_wakers() {
    let bus = Bus::new();
    let alive = Arc::new(());
    bus.listener::<Ping>().with(alive.clone()).on_async(|_alive, _| pending::<()>());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let held = alive.clone();
    let mut emit = bus.emit(Ping).timeout(HOUR).until(async move {
        _ = stopped.await;
        drop(held);
    });
    assert!(poll_once(&mut emit).is_pending());
    drop(emit);
    bus.clear();
    assert_eq!(Arc::strong_count(&alive), 1);
    assert!(stop.is_closed());
}
