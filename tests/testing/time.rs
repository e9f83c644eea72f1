//! Time is simulated, and the same under the same seed.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use eventbus::{
    BoxError, Bus, Event, Rate, Retry,
    testing::{Recorder, explore},
};
use tokio::time::{Instant, sleep};

#[derive(Event)]
struct Tick;

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn retries_over_half_an_hour_pass_at_once() {
    let began = std::time::Instant::now();
    explore(0..20, |sim| async move {
        let bus = Bus::builder().on_failure(|_| {}).build();
        let attempts = Arc::new(Mutex::new(Vec::new()));
        let (seen, clock) = (Arc::clone(&attempts), sim.clone());
        let handler = move |_, delivery: eventbus::Delivery| {
            seen.lock().unwrap().push(clock.elapsed());
            let is_last = delivery.attempt() == 4;
            async move { if is_last { Ok(()) } else { Err("not yet") } }
        };
        let retry = Retry::fixed(10 * Duration::from_mins(1));
        bus.consumer("slow").handle::<Tick>(handler).retry(retry).start().await?;
        bus.publish(Tick).await?;
        bus.drained(HOUR).await?;
        let gaps: Vec<_> = attempts.lock().unwrap().windows(2).map(|two| two[1].checked_sub(two[0]).unwrap()).collect();
        assert!(gaps.iter().all(|gap| gap.as_secs() == 600), "{gaps:?}");
        Ok::<_, BoxError>(())
    });
    assert!(began.elapsed() < HOUR / 2);
}

#[test]
fn jitter_ids_and_times_are_those_of_the_seed() {
    let run = |seed| {
        let seen = Mutex::new(Vec::new());
        explore([seed], |sim| {
            let seen = &seen;
            async move {
                let bus = Bus::builder().on_failure(|_| {}).build();
                let (sender, mut ids) = tokio::sync::mpsc::unbounded_channel();
                let clock = sim.clone();
                let handler = move |_, delivery: eventbus::Delivery| {
                    let _ = sender.send((delivery.id(), clock.elapsed()));
                    async { Err("never") }
                };
                let retry = Retry::exponential(Duration::from_secs(1)).max_attempts(5);
                bus.consumer("jitter").handle::<Tick>(handler).retry(retry).start().await?;
                bus.publish(Tick).await?;
                bus.drained(HOUR).await?;
                while let Ok(one) = ids.try_recv() {
                    seen.lock().unwrap().push(one);
                }
                Ok::<_, BoxError>(())
            }
        });
        seen.into_inner().unwrap()
    };
    let (one, again, other) = (run(1), run(1), run(2));
    assert_eq!(one.len(), 5);
    assert_eq!(one, again);
    assert_ne!(one, other);
}

#[test]
fn a_message_has_the_simulated_time_and_schedules_go_by_it() {
    explore(0..20, |sim| async move {
        let bus = Bus::new();
        let due = sim.system_time() + HOUR / 2;
        let clock = sim.clone();
        let handler = move |_, delivery: eventbus::Delivery| {
            assert_eq!(clock.elapsed().as_secs(), 1800);
            let published = clock.system_time() - HOUR / 2;
            assert!((published - Duration::from_secs(1)..=published).contains(&delivery.message().time()));
            async {}
        };
        bus.consumer("later").handle::<Tick>(handler).retry(Retry::never()).start().await?;
        bus.publish(Tick).at(due).await?;
        bus.drained(HOUR).await?;
        assert_eq!(bus.stats().deliveries().handled, 1);
        let skew = sim.system_time().duration_since(SystemTime::now())?;
        assert!(skew > HOUR / 3, "{skew:?}");
        Ok::<_, BoxError>(())
    });
}

#[test]
fn a_rate_goes_by_the_simulated_clock() {
    explore(0..20, |sim| async move {
        let bus = Bus::new();
        let rate = Rate::per_second(1).burst(1);
        bus.consumer("paced").handle::<Tick>(|_, _| async {}).workers(2).rate_limit(rate).start().await?;
        for _ in 0..10 {
            bus.publish(Tick).await?;
        }
        bus.drained(HOUR).await?;
        assert!((9..12).contains(&sim.elapsed().as_secs()), "{:?}", sim.elapsed());
        Ok::<_, BoxError>(())
    });
}

#[tokio::test(start_paused = true)]
async fn delays_and_rates_go_by_a_paused_clock_without_exploring() -> Result<(), BoxError> {
    let (bus, began) = (Recorder::new().bus(), Instant::now());
    let rate = Rate::per_second(1).burst(1);
    bus.consumer("paced").handle::<Tick>(|_, _| async {}).rate_limit(rate).start().await?;
    for _ in 0..10 {
        bus.publish(Tick).after(HOUR / 4).await?;
    }
    bus.drained(HOUR).await?;
    let took = began.elapsed();
    assert!((909..912).contains(&took.as_secs()), "{took:?}");
    Ok(())
}

#[test]
fn time_moves_only_by_timers_and_by_hand() {
    explore(0..20, |sim| async move {
        for _ in 0..10 {
            sim.pause().await;
        }
        assert_eq!(sim.elapsed(), Duration::ZERO);
        sleep(HOUR / 4).await;
        assert_eq!(sim.elapsed(), HOUR / 4);
        sim.advance(HOUR / 4).await;
        assert_eq!(sim.elapsed(), HOUR / 2);
    });
}

#[test]
fn a_timeout_of_an_emission_is_simulated() {
    explore(0..20, |_| async {
        let bus = Bus::builder().on_failure(|_| {}).build();
        bus.on_async::<Tick>(|_| sleep(HOUR));
        let began = Instant::now();
        let report = bus.emit(Tick).timeout(HOUR / 4).await;
        assert!(!report.is_ok());
        assert_eq!(began.elapsed(), HOUR / 4);
    });
}

#[test]
fn a_deadline_of_an_emission_that_blocks_goes_by_the_simulated_clock() {
    explore(0..5, |sim| async move {
        let bus = Bus::builder().on_failure(|_| {}).build();
        let calls = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&calls);
        bus.on::<Tick>(move |_| *counted.lock().unwrap() += 1);
        sim.advance(HOUR / 2).await;
        // By the clock of the machine, this is still to come.
        let over = bus.emit(Tick).deadline(Instant::now() - HOUR / 4).blocking();
        assert_eq!((over.is_ok(), *calls.lock().unwrap()), (false, 0));
        assert!(bus.emit(Tick).deadline(Instant::now() + HOUR / 2).blocking().is_ok());
        assert_eq!(*calls.lock().unwrap(), 1);
    });
}

#[test]
fn the_age_of_a_queue_is_looked_at_twice_in_its_limit() {
    explore(0..5, |sim| async move {
        let told = Arc::new(Mutex::new(Vec::new()));
        let (log, clock) = (Arc::clone(&told), sim.clone());
        let limit = Duration::from_secs(10);
        let bus = Bus::builder().warn_old_queues(limit).on_warning(move |_| log.lock().unwrap().push(clock.elapsed()));
        let bus = bus.build();
        bus.consumer("stuck").handle::<Tick>(|_, _| std::future::pending::<()>()).start().await?;
        for _ in 0..2 {
            bus.publish(Tick).await?;
        }
        sleep(HOUR / 2).await;
        // It is as old as it may be at the second look, and older at the third.
        assert_eq!(*told.lock().unwrap(), [limit / 2 * 3]);
        Ok::<_, BoxError>(())
    });
}
