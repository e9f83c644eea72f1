//! A work that ends each process that handles it, and an entry that is no work.

use std::time::{Duration, Instant};

use redis_faults::{GROUP, check, count};

use crate::{CONSUMER, drain, figures, in_memory, publish, terminate};

/// Twice the attempts that are allowed: a process may die between them.
const DELIVERIES: u64 = 6;

#[test]
fn a_work_that_ends_its_process_becomes_a_dead_letter_and_no_other_one_does() {
    let works = count(500, 20_000);
    let scene = in_memory();
    scene.server.cli(&["XADD", "events", "*", "data", "no work, and first of all"]);
    let poison = works / 3;
    publish(&scene, works, &[]);
    let options = [("lease", "1000"), ("workers", "4"), ("aborts", &*poison.to_string())];
    let start = || scene.start(CONSUMER, "consumer", &options);
    let (mut consumer, mut deaths, began) = (start(), 0, Instant::now());
    let reason_of = |letters: &[(String, Option<u64>)], number| {
        letters.iter().find(|(_, of)| *of == number).map(|(reason, _)| reason.clone())
    };
    while reason_of(&scene.letters().unwrap(), Some(poison)).is_none() {
        // Whoever looks after the process starts it again.
        if consumer.ended().is_some() {
            deaths += 1;
            consumer = start();
        }
        if began.elapsed() > Duration::from_mins(2) {
            let (handled, pending) = (scene.lines("consumer").len(), scene.server.cli(&["XPENDING", "events", GROUP]));
            let said = consumer.said();
            panic!(
                "no dead letter after {deaths} deaths, {handled} lines of ledgers; pending: {pending}; it said: {said}"
            );
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let took = began.elapsed();
    drain(&scene);
    terminate(&mut consumer);
    let letters = scene.letters().unwrap();
    let reason = reason_of(&letters, Some(poison)).unwrap();
    assert!(reason.contains("handed out 7 times without an end"), "{reason}");
    let reason = reason_of(&letters, None).unwrap();
    assert!(reason.contains("the message has no `type`"), "{reason}");
    let buried = letters.iter().filter(|(_, number)| number.is_some_and(|number| number != poison)).count();
    let lost = check::lost(0..works, &check::handled(&scene.lines("consumer")));
    let text = format!(
        "{works} works, {} not handled, {buried} healthy ones buried, {deaths} deaths, in {took:?}",
        lost.len()
    );
    figures("a work that aborts", &text);
    // Some were leased with it, and handed out to each process that it ended: not more often than twice.
    assert_eq!((&*lost, buried, deaths), (&[poison][..], 0, DELIVERIES), "{text}");
}
