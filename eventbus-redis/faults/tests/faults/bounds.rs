//! The stream is full, or the server.

use std::time::Duration;

use redis_faults::{LIMIT, Note, check, count, until};
use redis_test_server::RedisServer;

use crate::{CONSUMER, PRODUCER, drain, figures, in_memory, publish, terminate};

#[test]
fn what_was_trimmed_while_nobody_read_is_counted_to_the_last_work() {
    let works = count(10_000, 100_000);
    let scene = in_memory();
    let mut consumer = scene.start(CONSUMER, "consumer", &[]);
    scene.ready("consumer", 1);
    terminate(&mut consumer);
    // By one connection: in the order of their numbers.
    publish(&scene, works, &[("max_len", "1000"), ("connections", "1")]);
    let mut consumer = scene.start(CONSUMER, "consumer", &[]);
    drain(&scene);
    terminate(&mut consumer);
    let lines = scene.lines("consumer");
    let told =
        lines.iter().rev().find_map(|line| if let Note::Trimmed(count) = line.note { Some(count) } else { None });
    let (trimmed, runs) = (told.flatten(), check::handled(&lines));
    let text = format!("{works} works, {} handled, {trimmed:?} trimmed unread", runs.len());
    figures("MAXLEN 1000", &text);
    assert_eq!(trimmed, Some(works - runs.len() as u64), "{text}");
    // Those that were left are the newest, and there are as many of them as was said, or up to a node more.
    assert!((1000..1200).contains(&runs.len()), "{text}");
    assert!(check::lost(works - 1000..works, &runs).is_empty() && check::duplicates(&runs) == 0, "{text}");
}

#[test]
fn a_server_without_memory_refuses_in_time_and_has_what_it_has_acknowledged() {
    let works = count(20_000, 200_000);
    let scene = redis_faults::Scene::new(RedisServer::with(&["--save", "", "--maxmemory-policy", "noeviction"]));
    let mut consumer = scene.start(CONSUMER, "consumer", &[]);
    scene.ready("consumer", 1);
    let used = scene.server.cli(&["INFO", "memory"]);
    let used: u64 = used.split_whitespace().find_map(|line| line.strip_prefix("used_memory:")?.parse().ok()).unwrap();
    // Room for some of them: each takes a hundred bytes at least.
    let limit = (used + works * 50).to_string();
    scene.server.cli(&["CONFIG", "SET", "maxmemory", &limit]);
    let mut producer = scene.start(PRODUCER, "producer", &[("count", &*works.to_string())]);
    let refused = || scene.lines("producer").iter().filter(|line| matches!(line.note, Note::Refused(_))).count();
    until("works are refused", LIMIT, || refused() > 1000);
    let acknowledged = check::acknowledged(&scene.lines("producer"));
    // What was taken before can be handled meanwhile.
    until("works are handled", LIMIT, || check::lost(acknowledged.iter().copied(), &handled(&scene)).is_empty());
    assert!(producer.ended().is_none(), "it was to be refused all the time: {}", producer.said());
    scene.server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert!(producer.wait(LIMIT).success(), "{}", producer.said());
    drain(&scene);
    terminate(&mut consumer);
    let answers = scene.lines("producer");
    let unknown = answers.iter().filter(|line| matches!(line.note, Note::Unknown(_))).count();
    let (lost, twice) = (check::lost(0..works, &handled(&scene)).len(), check::duplicates(&handled(&scene)));
    let longest = check::longest(&answers);
    let text = format!(
        "{works} works, {} refused, {unknown} unanswered, {lost} lost, {twice} twice, the longest publish took {longest:?}",
        refused()
    );
    figures("maxmemory", &text);
    // A refusal is an answer: what was refused is not there, and so nothing comes twice.
    assert_eq!((check::acknowledged(&answers).len() as u64, unknown, lost, twice), (works, 0, 0, 0), "{text}");
    assert!(longest < Duration::from_secs(5), "{text}");
}

fn handled(scene: &redis_faults::Scene) -> Vec<(std::time::SystemTime, redis_faults::Run)> {
    check::handled(&scene.lines("consumer"))
}
