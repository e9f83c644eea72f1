//! What is drawn: each order that nothing promises comes up.

use std::{
    collections::BTreeSet,
    fmt::{Display, Write as _},
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{BoxError, Bus, Event, testing::explore, transport::Memory};
use tokio::task::yield_now;

#[derive(Event)]
struct Tick;

#[derive(Event)]
struct Numbered(u32);

/// What has happened in a run, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn add(&self, what: &dyn Display) {
        write!(self.0.lock().unwrap(), "{what}").unwrap();
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

/// The logs that 200 seeds give.
fn logs<F>(test: impl Fn(Bus, Log) -> F) -> BTreeSet<String>
where
    F: Future<Output = Result<(), BoxError>>,
{
    let logs = Mutex::new(BTreeSet::new());
    explore(0..200, |_| async {
        let (bus, log) = (Bus::new(), Log::default());
        test(bus.clone(), log.clone()).await?;
        logs.lock().unwrap().insert(log.text());
        Ok::<_, BoxError>(())
    });
    logs.into_inner().unwrap()
}

fn set<const N: usize>(logs: [&str; N]) -> BTreeSet<String> {
    logs.map(String::from).into()
}

#[test]
fn the_order_in_which_pending_listeners_go_on_is_drawn() {
    let seen = logs(|bus, log| async move {
        for name in ["a", "b"] {
            bus.listener::<Tick>().with(log.clone()).on_async(move |log, _| async move {
                yield_now().await;
                log.add(&name);
            });
        }
        bus.emit(Tick).await.into_result()?;
        Ok(())
    });
    assert_eq!(seen, set(["ab", "ba"]));
}

#[test]
fn a_pending_listener_may_make_many_steps_before_another_makes_one() {
    let seen = logs(|bus, log| async move {
        for name in ["a", "b"] {
            bus.listener::<Tick>().with(log.clone()).on_async(move |log, _| async move {
                for _ in 0..3 {
                    yield_now().await;
                    log.add(&name);
                }
            });
        }
        bus.emit(Tick).await.into_result()?;
        Ok(())
    });
    assert!(seen.contains("aaabbb") && seen.contains("bbbaaa"), "{seen:?}");
}

#[test]
fn more_listeners_than_are_polled_at_once_outside_are_drawn_too() {
    let seen = logs(|bus, log| async move {
        for name in 0..40 {
            bus.listener::<Tick>().with(log.clone()).on_async(move |log, _| async move {
                yield_now().await;
                if name == 0 || name == 39 {
                    log.add(if name == 0 { &"a" } else { &"z" });
                }
            });
        }
        bus.emit(Tick).await.into_result()?;
        Ok(())
    });
    assert_eq!(seen, set(["az", "za"]));
}

#[test]
fn the_order_of_spawned_listeners_is_drawn() {
    let seen = logs(|bus, log| async move {
        for name in ["a", "b"] {
            bus.listener::<Tick>().with(log.clone()).spawned().on_async(move |log, _| async move { log.add(&name) });
        }
        bus.emit(Tick).await.into_result()?;
        Ok(())
    });
    assert_eq!(seen, set(["ab", "ba"]));
}

#[test]
fn the_order_of_blocking_listeners_is_drawn_and_they_run_on_the_one_thread() {
    let seen = logs(|bus, log| async move {
        let test = std::thread::current().id();
        for name in ["a", "b"] {
            bus.listener::<Tick>().with(log.clone()).on_blocking(move |log, _| {
                assert_eq!(std::thread::current().id(), test);
                log.add(&name);
            });
        }
        bus.emit(Tick).await.into_result()?;
        Ok(())
    });
    assert_eq!(seen, set(["ab", "ba"]));
}

#[test]
fn the_order_of_spawned_emissions_is_drawn() {
    let seen = logs(|bus, log| async move {
        bus.listener::<Numbered>().with(log.clone()).on(|log, e| log.add(&e.0));
        bus.emit(Numbered(1)).spawn();
        bus.emit(Numbered(2)).spawn();
        bus.settled().await?;
        Ok(())
    });
    assert_eq!(seen, set(["12", "21"]));
}

#[test]
fn the_order_in_which_two_workers_begin_is_drawn() {
    let seen = logs(|bus, log| async move {
        let handled = log.clone();
        let handle = move |e: Arc<Numbered>, _| {
            handled.add(&e.0);
            ready(())
        };
        bus.consumer("two").handle::<Numbered>(handle).workers(2).start().await?;
        bus.publish(Numbered(1)).await?;
        bus.publish(Numbered(2)).await?;
        bus.drained(Duration::from_secs(5)).await?;
        Ok(())
    });
    assert_eq!(seen, set(["12", "21"]));
}

#[test]
fn handlers_of_two_workers_overlap_in_all_ways() {
    let seen = logs(|bus, log| async move {
        let handled = log.clone();
        let handle = move |e: Arc<Numbered>, _| {
            let handled = handled.clone();
            async move {
                handled.add(&e.0);
                yield_now().await;
                handled.add(&e.0);
            }
        };
        bus.consumer("two").handle::<Numbered>(handle).workers(2).start().await?;
        bus.publish(Numbered(1)).await?;
        bus.publish(Numbered(2)).await?;
        bus.drained(Duration::from_secs(5)).await?;
        Ok(())
    });
    assert_eq!(seen, set(["1122", "1212", "1221", "2112", "2121", "2211"]));
}

#[test]
fn the_order_in_which_two_groups_handle_an_event_is_drawn() {
    let seen = logs(|bus, log| async move {
        for name in ["a", "b"] {
            let handled = log.clone();
            let handle = move |_, _| {
                handled.add(&name);
                ready(())
            };
            bus.consumer(name).handle::<Tick>(handle).start().await?;
        }
        bus.publish(Tick).await?;
        bus.drained(Duration::from_secs(5)).await?;
        Ok(())
    });
    assert_eq!(seen, set(["ab", "ba"]));
}

#[test]
fn the_order_of_keys_is_drawn() {
    let seen = logs(|bus, log| async move {
        let handled = log.clone();
        let handle = move |e: Arc<Numbered>, _| {
            handled.add(&e.0);
            ready(())
        };
        bus.consumer("two").handle::<Numbered>(handle).workers(2).start().await?;
        for (number, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "b")] {
            bus.publish(Numbered(number)).key(key).await?;
        }
        bus.drained(Duration::from_secs(5)).await?;
        Ok(())
    });
    assert!(seen.len() > 3, "{seen:?}");
    for log in &seen {
        assert!(log.find('1') < log.find('3') && log.find('2') < log.find('4'), "{seen:?}");
    }
}

#[test]
fn whether_a_handler_or_its_publisher_goes_on_first_is_drawn() {
    let seen = logs(|bus, log| async move {
        let handled = log.clone();
        bus.consumer("one")
            .handle::<Tick>(move |_, _| {
                handled.add(&"h");
                ready(())
            })
            .start()
            .await?;
        bus.publish(Tick).await?;
        yield_now().await;
        log.add(&"p");
        bus.drained(Duration::from_secs(5)).await?;
        Ok(())
    });
    assert_eq!(seen, set(["hp", "ph"]));
}

#[test]
fn which_publisher_gets_the_room_is_drawn() {
    let orders = Mutex::new(BTreeSet::new());
    explore(0..200, |sim| {
        let orders = &orders;
        async move {
            let (bus, log) = (Bus::builder().transport(Memory::new().capacity(1)).build(), Log::default());
            let handled = log.clone();
            let handle = move |e: Arc<Numbered>, _| {
                handled.add(&e.0);
                ready(())
            };
            let consumer = bus.consumer("one").handle::<Numbered>(handle).start().await?;
            consumer.pause();
            bus.publish(Numbered(0)).await?;
            let publish = |number| {
                let bus = bus.clone();
                sim.spawn(async move { bus.publish(Numbered(number)).await.map(drop) })
            };
            let (one, two) = (publish(1), publish(2));
            consumer.resume();
            one.await?.map_err(|error| error.to_string())?;
            two.await?.map_err(|error| error.to_string())?;
            bus.drained(Duration::from_secs(5)).await?;
            orders.lock().unwrap().insert(log.text());
            Ok::<_, BoxError>(())
        }
    });
    assert_eq!(*orders.lock().unwrap(), set(["012", "021"]));
}

#[test]
fn the_order_of_the_tests_own_tasks_is_drawn() {
    let orders = Mutex::new(BTreeSet::new());
    explore(0..200, |sim| {
        let orders = &orders;
        async move {
            let log = Log::default();
            let task = |name| {
                let log = log.clone();
                sim.spawn(async move { log.add(&name) })
            };
            let (a, b) = (task("a"), task("b"));
            a.await.unwrap();
            b.await.unwrap();
            orders.lock().unwrap().insert(log.text());
        }
    });
    assert_eq!(*orders.lock().unwrap(), set(["ab", "ba"]));
}
