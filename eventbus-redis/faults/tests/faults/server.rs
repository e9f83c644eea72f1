//! The server is killed, emptied, or loses a group.

use std::time::{Duration, Instant, SystemTime};

use redis_faults::{LIMIT, Note, Scene, check, count, until};
use redis_test_server::RedisServer;

use crate::{CONSUMER, PRODUCER, drain, figures, in_memory, publish};

/// 4 connections × batches of 100.
const IN_FLIGHT: u64 = 400;

#[test]
fn a_killed_server_has_lost_nothing_that_it_has_acknowledged() {
    // Where others use the processors, the producer may be about to send when the server dies.
    assert!((0..5).any(|_| kill_during_publishes() > 0), "nothing was in flight when it was killed, five times");
}

/// Kills the server and starts it again. Gives how many publishes had no answer.
fn kill_during_publishes() -> usize {
    let works = count(20_000, 1_000_000);
    let mut scene = Scene::new(RedisServer::durable());
    let options = [("count", &*works.to_string()), ("connections", "4"), ("batch", "100")];
    let mut producer = scene.start(PRODUCER, "producer", &options);
    until("four tenths are published", LIMIT, || scene.length() >= works * 4 / 10);
    scene.server.kill();
    assert!(producer.ended().is_none(), "it was to be killed during publishes");
    let down = Instant::now();
    scene.server.restart();
    let (opened, outage) = (SystemTime::now(), down.elapsed());
    assert!(producer.wait(LIMIT).success(), "{}", producer.said());

    let lines = scene.lines("producer");
    let acknowledged = check::acknowledged(&lines);
    assert_eq!(acknowledged.len() as u64, works);
    let first_after = lines.iter().find(|line| line.at > opened && matches!(line.note, Note::Acked(_))).unwrap();
    let again = first_after.at.duration_since(opened).unwrap();
    let published = scene.published().unwrap();
    let lost = acknowledged.iter().filter(|number| !published.contains_key(number)).count();
    let duplicates = published.values().sum::<u64>() - published.len() as u64;
    let unknown = lines.iter().filter(|line| matches!(line.note, Note::Unknown(_))).count();
    let text = format!(
        "{works} works, {lost} lost, {duplicates} twice, {unknown} unanswered, down {outage:?}, again after {again:?}"
    );
    figures("kill -9 of the server", &text);
    assert_eq!(lost, 0, "{text}");
    assert!(duplicates <= IN_FLIGHT, "{text}");
    assert!(again < Duration::from_secs(5), "{text}");
    unknown
}

#[test]
fn a_server_that_is_emptied_is_told_and_the_group_goes_on() {
    let scene = in_memory();
    let mut consumer = scene.start(CONSUMER, "consumer", &[]);
    scene.ready("consumer", 1);
    let (mut next, rounds) = (0, count(3, 20));
    for round in 0..rounds {
        let command: &[&str] = match round % 3 {
            0 => &["FLUSHALL"],
            1 => &["XGROUP", "DESTROY", "events", redis_faults::GROUP],
            _ => &["DEL", "events"],
        };
        publish(&scene, 200, &[("connections", "1"), ("batch", "50")]);
        drain(&scene);
        let before = check::errors(&scene.lines("consumer")).len();
        let at = SystemTime::now();
        scene.server.cli(command);
        let told = || check::errors(&scene.lines("consumer")).len() > before;
        until("the loss is told", Duration::from_secs(10), told);
        publish(&scene, 200, &[("connections", "1"), ("batch", "50")]);
        drain(&scene);
        let lines = scene.lines("consumer");
        let errors = check::errors(&lines);
        let (told, text) = errors[before];
        assert!(text.contains("had vanished"), "{text}");
        assert_eq!(errors.len(), before + 1, "it is told once: {errors:?}");
        let after = told.duration_since(at).unwrap();
        next = next.max(u64::try_from(after.as_millis()).unwrap());
        assert!(after < Duration::from_secs(4), "told after {after:?}");
        let runs: Vec<_> = check::handled(&lines).into_iter().filter(|(handled, _)| *handled > at).collect();
        assert_eq!(check::lost(0..200, &runs), [0_u64; 0]);
    }
    figures("FLUSHALL, XGROUP DESTROY, DEL", &format!("{rounds} times, told after at most {next} ms"));
    crate::terminate(&mut consumer);
}

#[test]
fn killed_connections_lose_nothing_and_hand_out_nothing_twice() {
    let works = count(5_000, 100_000);
    let scene = in_memory();
    let mut consumer = scene.start(CONSUMER, "consumer", &[]);
    scene.ready("consumer", 1);
    let mut producer = scene.start(PRODUCER, "producer", &[("count", &*works.to_string()), ("batch", "20")]);
    let (mut kills, mut next) = (0, works / 20);
    while kills < 10 && producer.ended().is_none() {
        if scene.length() >= next {
            scene.server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
            kills += 1;
            next = scene.length() + works / 20;
        }
    }
    assert!(producer.wait(LIMIT).success(), "{}", producer.said());
    drain(&scene);
    crate::terminate(&mut consumer);
    let runs = check::handled(&scene.lines("consumer"));
    let published = scene.published().unwrap();
    let again = published.values().sum::<u64>() - published.len() as u64;
    let (lost, twice) = (check::lost(0..works, &runs).len(), check::duplicates(&runs) as u64);
    let text = format!("{works} works, {kills} kills, {lost} lost, {again} published twice, {twice} handled twice");
    figures("CLIENT KILL", &text);
    assert!(kills > 2 && lost == 0, "{text}");
    // An answer that was lost is published again; what was handled and could not be settled is settled by the next connection.
    assert!(again <= kills * 4 * 20 && twice <= again, "{text}");
}
