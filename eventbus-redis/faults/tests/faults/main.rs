//! Servers, lines and processes that fail while programs publish and consume.
//!
//! The programs are processes of their own, and what is checked is what they have written into their ledgers.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod bounds;
mod consumers;
mod keys;
mod lines;
mod poison;
#[cfg(target_os = "linux")]
mod power;
mod server;

use std::time::Duration;

use redis_faults::{LIMIT, Program, Scene, until};
use redis_test_server::RedisServer;

const PRODUCER: &str = env!("CARGO_BIN_EXE_producer");
const CONSUMER: &str = env!("CARGO_BIN_EXE_consumer");

/// A server that keeps nothing on disk: it is not killed.
fn in_memory() -> Scene {
    Scene::new(RedisServer::start())
}

/// Publishes so many works, and waits until that is done.
fn publish(scene: &Scene, count: u64, options: &[(&str, &str)]) {
    let count = count.to_string();
    let options: Vec<_> = [("count", &*count)].into_iter().chain(options.iter().copied()).collect();
    let mut producer = scene.start(PRODUCER, "producer", &options);
    assert!(producer.wait(LIMIT).success(), "{}", producer.said());
}

/// Waits until so many works have been handled, those that were handled twice counted twice.
fn until_handled(scene: &Scene, count: u64) {
    until("works are handled", LIMIT, || {
        std::thread::sleep(Duration::from_millis(20));
        scene.handled() as u64 >= count
    });
}

/// Waits until all that was published is handled and settled.
fn drain(scene: &Scene) {
    until("the group is drained", LIMIT, || {
        std::thread::sleep(Duration::from_millis(50));
        scene.is_drained()
    });
}

/// Stops a consumer as an orderly restart does; it must succeed.
fn terminate(consumer: &mut Program) {
    consumer.signal("TERM");
    let status = consumer.wait(Duration::from_mins(1));
    assert!(status.success(), "{status}: {}", consumer.said());
}

/// Prints what was measured; shown by `--nocapture`.
fn figures(case: &str, text: &str) {
    println!("{case}: {text}");
}
