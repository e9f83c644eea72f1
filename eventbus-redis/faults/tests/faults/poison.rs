//! A work that ends each process that handles it, and an entry that is no work.

use std::time::{Duration, Instant};

use redis_faults::{check, count, until};

use crate::{CONSUMER, drain, figures, in_memory, publish, terminate};

/// Attempts that are allowed, twice: a process may die between them.
const DELIVERIES: u64 = 6;

#[test]
fn a_work_that_ends_its_process_becomes_a_dead_letter_and_the_group_goes_on() {
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
    until("it is a dead letter", Duration::from_mins(2), || {
        // Whoever looks after the process starts it again.
        if consumer.ended().is_some() {
            deaths += 1;
            consumer = start();
        }
        std::thread::sleep(Duration::from_millis(20));
        reason_of(&scene.letters().unwrap(), Some(poison)).is_some()
    });
    let took = began.elapsed();
    drain(&scene);
    terminate(&mut consumer);
    let letters = scene.letters().unwrap();
    let reason = reason_of(&letters, Some(poison)).unwrap();
    assert!(reason.contains("handed out 7 times without an end"), "{reason}");
    let reason = reason_of(&letters, None).unwrap();
    assert!(reason.contains("the message has no `type`"), "{reason}");
    let buried: Vec<_> = letters.iter().filter_map(|(_, number)| *number).filter(|number| *number != poison).collect();
    let unhandled = check::lost(0..works, &check::handled(&scene.lines("consumer")));
    let lost = unhandled.iter().filter(|number| **number != poison && !buried.contains(number)).count();
    let text =
        format!("{works} works, {lost} lost, {deaths} deaths, {} healthy ones buried, in {took:?}", buried.len());
    figures("a work that aborts", &text);
    assert_eq!((lost, deaths), (0, DELIVERIES), "{text}");
}
