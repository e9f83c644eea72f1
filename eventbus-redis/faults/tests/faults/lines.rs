//! The line to the server is slow, breaks, and is half open.

use std::{
    thread,
    time::{Duration, Instant},
};

use redis_faults::{LIMIT, check, count};
use redis_test_server::Proxy;

use crate::{CONSUMER, PRODUCER, drain, figures, in_memory, terminate};

/// How long the programs wait for an answer.
const ANSWER: Duration = Duration::from_secs(1);

#[test]
fn a_bad_line_loses_nothing_and_holds_up_no_call_beyond_its_limit() {
    let works = count(3_000, 30_000);
    let scene = in_memory();
    let line = Proxy::to(scene.server.port());
    let (url, answer) = (scene.server.at(line.port()).url(), ANSWER.as_millis().to_string());
    let common = [("url", &*url), ("answer", &*answer)];
    let consumer = [&common[..], &[("lease", "3000")]].concat();
    let mut consumer = scene.start(CONSUMER, "consumer", &consumer);
    scene.ready("consumer", 1);
    let number = works.to_string();
    let producer = [&common[..], &[("count", &*number), ("batch", "20"), ("pause", "10")]].concat();
    let mut producer = scene.start(PRODUCER, "producer", &producer);
    scene.ready("producer", 4);
    let (began, mut troubles) = (Instant::now(), 0);
    // While it publishes: slow, then breaks, then half open for longer than any call may take.
    while producer.ended().is_none() {
        assert!(began.elapsed() < LIMIT, "{}", producer.said());
        line.delay(Duration::from_millis(20));
        thread::sleep(Duration::from_millis(300));
        line.break_all();
        line.delay(Duration::ZERO);
        thread::sleep(Duration::from_millis(200));
        if troubles % 3 == 0 {
            line.silence();
            thread::sleep(ANSWER * 3 / 2);
        } else {
            line.cut();
            thread::sleep(Duration::from_millis(100));
        }
        line.mend();
        thread::sleep(Duration::from_millis(300));
        troubles += 1;
    }
    assert!(producer.ended().unwrap().success(), "{}", producer.said());
    drain(&scene);
    terminate(&mut consumer);
    let answers = scene.lines("producer");
    let acknowledged = check::acknowledged(&answers);
    let runs = check::handled(&scene.lines("consumer"));
    let lost = check::lost(acknowledged.iter().copied(), &runs).len();
    let longest = check::longest(&answers);
    let text = format!("{works} works, {troubles} troubles, {lost} lost, the longest publish took {longest:?}");
    figures("a bad line", &text);
    assert_eq!((acknowledged.len() as u64, lost), (works, 0), "{text}");
    // A connection and an answer, each within its limit; the rest is for a machine that does other things.
    assert!(troubles > 0 && longest < ANSWER * 2 + Duration::from_secs(2), "{text}");
}
