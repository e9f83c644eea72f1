//! Explored schedules of threads that publish, read, give back and close at the same time, over the memory transport.
//!
//! ```sh
//! RUSTFLAGS="--cfg eventbus_shuttle" cargo test -p eventbus-core --test shuttle_publish --release \
//!     --target-dir target/shuttle
//! ```
//!
//! Consumers' tasks belong to tokio, which shuttle does not know; what they are made of is here: publishing that waits, reading,
//! settling, and the end. Real threads run whole consumers in the facade's `tests/publish`.

#![cfg(eventbus_shuttle)]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::{future::poll_fn, mem, pin::Pin, sync::Arc, task::Poll, time::Duration};

use eventbus_core::{
    Bus, Event, EventName, GroupSpec, Leased, Memory, Message, PublishError, Read, Settlement, Source, Transport,
};
use shuttle::{future::block_on, thread};

struct Tick(u32);
impl Event for Tick {
    const NAME: EventName = EventName::new("tick");
}

/// A bus, and its memory.
fn bus(capacity: usize) -> (Bus, Arc<Memory>) {
    let memory = Arc::new(Memory::new().capacity(capacity));
    (Bus::builder().transport(Arc::clone(&memory)).on_warning(|_| {}).build(), memory)
}

fn subscribe(memory: &Arc<Memory>, group: &str) -> Arc<dyn Source> {
    block_on(memory.subscribe(GroupSpec::new(group))).unwrap()
}

/// The next deliveries; none once the transport is closed.
fn next(source: &Arc<dyn Source>, max: usize) -> Vec<Leased> {
    let mut leased = Vec::new();
    let read = block_on(source.next(max, &mut leased)).unwrap();
    assert_eq!(leased.is_empty(), read == Read::Closed);
    leased
}

fn settle(source: &Arc<dyn Source>, mut leased: Leased, settlement: Settlement) {
    leased.settle_as(settlement);
    assert!(source.try_settle(&mut vec![leased]), "memory needs no wait");
}

fn number(message: &Message) -> u32 {
    message.downcast_ref::<Tick>().unwrap().0
}

/// Publishes `from..to`, waiting for room.
fn publish(bus: &Bus, from: u32, to: u32) -> thread::JoinHandle<()> {
    let bus = bus.clone();
    thread::spawn(move || {
        for tick in from..to {
            block_on(bus.publish(Tick(tick))).unwrap();
        }
    })
}

/// Reads so many, one lease after the other; `fate` settles each.
fn read(source: &Arc<dyn Source>, count: usize, fate: fn(u32, u32) -> Settlement) -> thread::JoinHandle<Vec<u32>> {
    let source = Arc::clone(source);
    thread::spawn(move || {
        let mut done = Vec::new();
        while done.len() < count {
            for leased in next(&source, 2) {
                let number = number(leased.message());
                let fate = fate(number, leased.attempts() + 1);
                if fate == Settlement::Done {
                    done.push(number);
                }
                let attempts = leased.attempts() + u32::from(fate != Settlement::Done);
                settle(&source, leased.with_attempts(attempts), fate);
            }
        }
        done
    })
}

/// Runs `scenario` under random schedules, and under those that find bugs of a few switches at the wrong places.
fn explore(scenario: impl Fn() + Copy + Send + Sync + 'static) {
    shuttle::check_random(scenario, 5_000);
    shuttle::check_pct(scenario, 2_000, 3);
}

#[test]
fn who_waits_for_room_is_woken_and_each_producer_keeps_its_order() {
    explore(|| {
        let (bus, memory) = bus(1);
        let source = subscribe(&memory, "all");
        let producers = [publish(&bus, 0, 2), publish(&bus, 10, 12)];
        let seen = read(&source, 4, |_, _| Settlement::Done).join().unwrap();
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        for producer in [[0, 1], [10, 11]] {
            let own: Vec<_> = seen.iter().copied().filter(|tick| producer.contains(tick)).collect();
            assert_eq!(own, producer, "of {seen:?}");
        }
    });
}

#[test]
fn two_readers_of_a_group_share_and_two_groups_do_not() {
    explore(|| {
        let (bus, memory) = bus(2);
        let (one, other, second) = (subscribe(&memory, "a"), subscribe(&memory, "a"), subscribe(&memory, "b"));
        let producer = publish(&bus, 0, 3);
        let whole = read(&second, 3, |_, _| Settlement::Done);
        let mut shared = read(&one, 1, |_, _| Settlement::Done).join().unwrap();
        // What is left, whoever gets it.
        while shared.len() < 3 {
            for leased in next(&other, 3) {
                shared.push(number(leased.message()));
                settle(&other, leased, Settlement::Done);
            }
        }
        producer.join().unwrap();
        assert_eq!(whole.join().unwrap(), [0, 1, 2]);
        shared.sort_unstable();
        assert_eq!(shared, [0, 1, 2]);
    });
}

#[test]
fn a_group_gets_what_was_published_before_it_and_while_it_came() {
    explore(|| {
        let (bus, memory) = bus(8);
        let producer = publish(&bus, 0, 3);
        let source = subscribe(&memory, "first");
        assert_eq!(read(&source, 3, |_, _| Settlement::Done).join().unwrap(), [0, 1, 2]);
        producer.join().unwrap();
    });
}

#[test]
fn what_is_given_back_comes_again_with_a_greater_attempt() {
    explore(|| {
        let (bus, memory) = bus(2);
        let source = subscribe(&memory, "all");
        let producer = publish(&bus, 0, 3);
        let fate = |tick, attempt| match (tick, attempt) {
            (1, 1) => Settlement::Again { after: Duration::ZERO },
            (1, attempt) => {
                assert_eq!(attempt, 2);
                Settlement::Done
            }
            _ => Settlement::Done,
        };
        let mut seen = read(&source, 3, fate).join().unwrap();
        producer.join().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2]);
    });
}

#[test]
fn a_reader_that_goes_leaves_its_leases_to_the_other() {
    explore(|| {
        let (bus, memory) = bus(4);
        let (leaver, stayer) = (subscribe(&memory, "all"), subscribe(&memory, "all"));
        let producer = publish(&bus, 0, 2);
        let leaving = thread::spawn(move || {
            for leased in next(&leaver, 1) {
                settle(&leaver, leased, Settlement::Release);
            }
        });
        let mut seen = read(&stayer, 2, |_, _| Settlement::Done).join().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
        producer.join().unwrap();
        // It may have come too late for any.
        block_on(memory.close(Duration::ZERO)).unwrap();
        leaving.join().unwrap();
    });
}

#[test]
fn a_close_hands_back_what_was_taken_and_not_read_and_wakes_all_who_wait() {
    explore(|| {
        let (bus, memory) = bus(1);
        let source = subscribe(&memory, "all");
        let producer = {
            let bus = bus.clone();
            thread::spawn(move || {
                let published = |tick| match block_on(bus.publish(Tick(tick))) {
                    Ok(()) => true,
                    Err(PublishError::Closed(event)) => {
                        assert_eq!(event.0, tick, "handed back");
                        false
                    }
                    Err(error) => panic!("{error}"),
                };
                (0..3).filter(|tick| published(*tick)).collect::<Vec<_>>()
            })
        };
        let reader = thread::spawn(move || {
            let mut seen = Vec::new();
            loop {
                let leased = next(&source, 1);
                if leased.is_empty() {
                    return seen;
                }
                for leased in leased {
                    seen.push(number(leased.message()));
                    settle(&source, leased, Settlement::Done);
                }
            }
        });
        let left = block_on(memory.close(Duration::ZERO)).unwrap();
        let published = producer.join().unwrap();
        let mut found = reader.join().unwrap();
        found.extend(left.iter().map(|(_, message)| number(message)));
        found.sort_unstable();
        assert_eq!(found, published, "each was read, or handed back");
    });
}

#[test]
fn a_wait_that_is_given_up_passes_its_turn_on() {
    explore(|| {
        let (bus, memory) = bus(1);
        let source = subscribe(&memory, "all");
        block_on(bus.publish(Tick(0))).unwrap();
        let (giver, waiter) = (bus.clone(), publish(&bus, 2, 3));
        let giving_up = thread::spawn(move || {
            let mut publish = giver.publish(Tick(1));
            let once = poll_fn(|cx| Poll::Ready(Pin::new(&mut publish).poll(cx).is_ready()));
            let published = block_on(once);
            match publish.into_event() {
                Some(event) => assert_eq!(event.0, 1),
                None => assert!(published),
            }
            published
        });
        let mut seen = read(&source, 2, |_, _| Settlement::Done).join().unwrap();
        if giving_up.join().unwrap() {
            seen.extend(read(&source, 1, |_, _| Settlement::Done).join().unwrap());
        }
        waiter.join().unwrap();
        assert!(seen.contains(&0) && seen.contains(&2) || seen.len() == 2, "{seen:?}");
        let stats = bus.stats().published;
        assert!(stats.is_balanced(), "{stats:?}");
    });
}

/// A consumer that stops gives back what it holds and goes; a shutdown closes. Whatever comes first: what was accepted has been handled,
/// or is handed back, once.
#[test]
fn publishing_consuming_stopping_and_closing_in_any_order_lose_nothing() {
    explore(|| {
        let (bus, memory) = bus(2);
        let source = subscribe(&memory, "all");
        let waiting = {
            let bus = bus.clone();
            thread::spawn(move || u32::from(block_on(bus.publish(Tick(0))).is_ok()))
        };
        let trying = {
            let bus = bus.clone();
            thread::spawn(move || (1..3).filter(|tick| bus.try_publish(Tick(*tick)).is_ok()).count())
        };
        let consumer = {
            let memory = memory.clone();
            thread::spawn(move || {
                let mut handled = Vec::new();
                let (mut source, mut stops) = (source, true);
                loop {
                    let leased = next(&source, 2);
                    if leased.is_empty() {
                        return handled;
                    }
                    if mem::take(&mut stops) {
                        // It stops, and another takes its place.
                        assert!(source.try_settle(&mut { leased }), "given back");
                        source = subscribe(&memory, "all");
                        continue;
                    }
                    let mut is_first = true;
                    for leased in leased {
                        if mem::take(&mut is_first) {
                            handled.push(number(leased.message()));
                            settle(&source, leased, Settlement::Done);
                        } else {
                            settle(&source, leased, Settlement::Release);
                        }
                    }
                }
            })
        };
        let accepted = waiting.join().unwrap() as usize + trying.join().unwrap();
        let left = block_on(memory.close(Duration::ZERO)).unwrap();
        let mut found = consumer.join().unwrap();
        found.extend(left.iter().map(|(_, message)| number(message)));
        // What came back after the close lies with the transport, and is counted as waiting.
        let waits = block_on(memory.groups()).unwrap()[0].depth.unwrap();
        found.sort_unstable();
        let all = found.len();
        found.dedup();
        assert_eq!(found.len(), all, "each once");
        assert_eq!(all + usize::try_from(waits).unwrap(), accepted);
        let stats = bus.stats().published;
        assert!(stats.is_balanced() && stats.offered == 3, "{stats:?}");
    });
}
