//! The server loses its power: what it has not synchronised is gone.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use redis_faults::{LIMIT, Line, Note, Scene, check, count, until};
use redis_test_server::RedisServer;

use crate::{PRODUCER, figures};

/// 4 connections × batches of 100.
const IN_FLIGHT: u64 = 400;

/// What came of a power cut while works were published.
struct Cut {
    at: SystemTime,
    lines: Vec<Line>,
    lost: HashSet<u64>,
    duplicates: u64,
}

fn cut(appendfsync: &str, works: u64) -> Cut {
    let mut scene = Scene::new(RedisServer::with_power_cuts(appendfsync));
    let options = [("count", &*works.to_string()), ("connections", "4"), ("batch", "100"), ("pause", "1")];
    let mut producer = scene.start(PRODUCER, "producer", &options);
    until("four tenths are published", LIMIT, || scene.length() >= works * 4 / 10);
    scene.server.kill();
    let at = SystemTime::now();
    assert!(producer.ended().is_none(), "the power was to be cut during publishes");
    scene.server.restart();
    assert!(producer.wait(LIMIT).success(), "{}", producer.said());
    let (lines, published) = (scene.lines("producer"), scene.published().unwrap());
    let acknowledged = check::acknowledged(&lines);
    assert_eq!(acknowledged.len() as u64, works);
    let lost: HashSet<_> = acknowledged.into_iter().filter(|number| !published.contains_key(number)).collect();
    let duplicates = published.values().sum::<u64>() - published.len() as u64;
    figures(
        &format!("a power cut, appendfsync {appendfsync}"),
        &format!("{works} works, {} lost that were acknowledged, {duplicates} twice", lost.len()),
    );
    Cut { at, lines, lost, duplicates }
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged_where_each_write_is_synchronised() {
    let cut = cut("always", count(20_000, 400_000));
    assert_eq!(cut.lost.len(), 0);
    assert!(cut.duplicates <= IN_FLIGHT, "{}", cut.duplicates);
}

#[test]
fn a_power_cut_loses_the_last_two_seconds_at_most_where_writes_are_synchronised_each_second() {
    let cut = cut("everysec", count(20_000, 400_000));
    // Otherwise there was no power cut: a kill alone loses nothing.
    assert!(!cut.lost.is_empty());
    let is_lost = |line: &&Line| matches!(line.note, Note::Acked(number) if cut.lost.contains(&number));
    let oldest = cut.lines.iter().filter(is_lost).map(|line| line.at).min().unwrap();
    let before = cut.at.duration_since(oldest).unwrap_or_default();
    assert!(before < Duration::from_secs(2), "something is lost that was acknowledged {before:?} before");
}
