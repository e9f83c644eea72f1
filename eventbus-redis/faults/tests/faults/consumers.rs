//! Consumers are killed, stopped and frozen.

use std::time::{Duration, SystemTime};

use redis_faults::{LIMIT, Note, Program, Scene, check, count};

use crate::{CONSUMER, PRODUCER, drain, figures, in_memory, publish, terminate, until_handled};

const WORKERS: u64 = 8;

/// How many works a worker leases at most at once, and settles together.
const HAND: u64 = 64;

/// A lease that ends soon: others are to take over.
const LEASE: Duration = Duration::from_secs(2);

fn short(scene: &Scene) -> Program {
    let lease = LEASE.as_millis().to_string();
    scene.start(CONSUMER, "consumer", &[("lease", &*lease), ("workers", &*WORKERS.to_string()), ("handling", "1")])
}

#[test]
fn killed_consumers_lose_nothing_and_repeat_only_what_was_in_flight() {
    let (works, kills) = (count(6_000, 100_000), count(4, 20));
    let scene = in_memory();
    publish(&scene, works, &[]);
    let mut consumers = vec![short(&scene), short(&scene)];
    let mut killed = Vec::new();
    for kill in 1..=kills {
        until_handled(&scene, works * kill / (kills + 2));
        let mut consumer = consumers.remove(0);
        consumer.kill();
        killed.push((consumer.id(), SystemTime::now()));
        consumers.push(short(&scene));
    }
    drain(&scene);
    consumers.iter_mut().for_each(terminate);

    let lines = scene.lines("consumer");
    let runs = check::handled(&lines);
    let lost = check::lost(0..works, &runs).len();
    let duplicates = check::duplicates(&runs) as u64;
    let recovered = killed.iter().map(|(process, at)| {
        let unfinished = check::unfinished(&lines, *process);
        check::recovered(&unfinished, *at, &runs).expect("what was begun is handled by another one")
    });
    let longest = recovered.max().unwrap();
    let text = format!("{works} works, {kills} kills, {lost} lost, {duplicates} twice, recovered in {longest:?}");
    figures("kill -9 of consumers", &text);
    assert_eq!(lost, 0, "{text}");
    assert!(duplicates <= kills * WORKERS * HAND, "{text}");
    // A lease, a search each quarter of one, and a second; the rest is for a machine that does other things.
    assert!(longest < LEASE + LEASE / 2 + Duration::from_secs(6), "{text}");
}

#[test]
fn consumers_that_are_replaced_one_by_one_lose_nothing_and_repeat_nothing() {
    let works = count(6_000, 100_000);
    let scene = in_memory();
    // The usual lease: nothing runs out.
    let start = || scene.start(CONSUMER, "consumer", &[("handling", "1")]);
    let mut consumers: Vec<_> = (0..4).map(|_| start()).collect();
    scene.ready("consumer", 4);
    let mut producer = scene.start(PRODUCER, "producer", &[("count", &*works.to_string())]);
    for round in 1..=4 {
        until_handled(&scene, works * round / 6);
        terminate(&mut consumers.remove(0));
        consumers.push(start());
    }
    assert!(producer.wait(LIMIT).success(), "{}", producer.said());
    drain(&scene);
    consumers.iter_mut().for_each(terminate);
    let lines = scene.lines("consumer");
    let runs = check::handled(&lines);
    let (lost, duplicates) = (check::lost(0..works, &runs).len(), check::duplicates(&runs));
    let text = format!("{works} works, {lost} lost, {duplicates} twice");
    figures("rolling SIGTERM of four consumers", &text);
    assert_eq!((lost, duplicates), (0, 0), "{text}");
    assert_eq!(check::errors(&lines), [], "{text}");
}

#[test]
fn a_consumer_that_is_frozen_for_three_leases_loses_nothing() {
    let works = count(3_000, 100_000);
    let scene = in_memory();
    let mut consumers = [short(&scene), short(&scene)];
    scene.ready("consumer", 2);
    publish(&scene, works, &[]);
    until_handled(&scene, works / 10);
    let frozen = consumers[0].id();
    consumers[0].signal("STOP");
    let at = SystemTime::now();
    // That time passes is the fault itself.
    std::thread::sleep(LEASE * 3);
    let was = scene.lines("consumer");
    consumers[0].signal("CONT");
    let thawed = SystemTime::now();
    drain(&scene);
    consumers.iter_mut().for_each(terminate);
    let lines = scene.lines("consumer");
    let runs = check::handled(&lines);
    let lost = check::lost(0..works, &runs).len();
    let duplicates = check::duplicates(&runs) as u64;
    let taken_over = check::handled(&was).iter().filter(|(when, run)| *when > at && run.process != frozen).count();
    let late = check::errors(&lines).iter().filter(|(when, _)| *when >= thawed).count();
    let text = format!(
        "{works} works, {lost} lost, {duplicates} twice, {taken_over} handled by the other one, {late} errors told after it"
    );
    figures("SIGSTOP for three leases", &text);
    assert_eq!(lost, 0, "{text}");
    // What it had begun or handled and not settled; what it had only leased it does not begin, once it knows that it is lost.
    assert!(duplicates <= WORKERS * HAND, "{text}");
    assert!(taken_over > 0, "{text}");
    assert!(lines.iter().filter(|line| matches!(line.note, Note::Ended(_))).count() == 2, "{text}");
}
