//! A work that ends each process that handles it, and an entry that is no work.

use std::time::{Duration, Instant};

use redis_faults::{LIMIT, Note, check, count};

use crate::{CONSUMER, drain, figures, in_memory, publish, terminate};

/// Attempts that are allowed, twice: a process may die between them.
const DELIVERIES: u64 = 6;

#[test]
fn a_work_that_ends_its_process_becomes_a_dead_letter_and_the_rest_is_handled() {
    let works = count(500, 20_000);
    let scene = in_memory();
    scene.server.cli(&["XADD", "events", "*", "data", "no work, and first of all"]);
    let poison = works / 3;
    publish(&scene, works, &[]);
    let options = [("lease", "1000"), ("workers", "4"), ("aborts", &*poison.to_string())];
    let start = || scene.start(CONSUMER, "consumer", &options);
    let (mut consumer, mut deaths, began) = (start(), 0, Instant::now());
    // Whoever looks after the process starts it again.
    loop {
        if consumer.ended().is_some() {
            deaths += 1;
            consumer = start();
        }
        let lines = scene.lines("consumer");
        if lines.iter().any(|line| line.note == Note::Dead(poison)) {
            break;
        }
        assert!(began.elapsed() < LIMIT.min(Duration::from_mins(2)), "no dead letter after {deaths} deaths");
        std::thread::sleep(Duration::from_millis(20));
    }
    drain(&scene);
    terminate(&mut consumer);
    let lines = scene.lines("consumer");
    let runs = check::handled(&lines);
    let lost = check::lost((0..works).filter(|number| *number != poison), &runs).len();
    let undecodable = lines.iter().filter(|line| line.note == Note::Dead(u64::MAX)).count();
    let text =
        format!("{works} works, {lost} lost, {deaths} deaths, {undecodable} undecodable, in {:?}", began.elapsed());
    figures("a work that aborts", &text);
    assert_eq!((lost, deaths, undecodable), (0, DELIVERIES, 1), "{text}");
}
