//! `webhooks --transport redis://..`: one process takes deliveries in, others handle them.

#![cfg(unix)] // They end by signals.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../webhooks/tests/webhooks/process.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod process;

use std::{
    net::SocketAddr,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use process::{Process, Request, guid, ledger, start};
use redis_test_server::RedisServer;

/// The program, built by the cargo that runs this test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_webhooks_redis");

/// A deadline that no test reaches.
const NEVER: &str = "60000";

fn webhooks(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("the example runs")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("stderr is UTF-8")
}

fn serve(arguments: &[&str]) -> (Process, SocketAddr) {
    let mut process = start(&[&["--serve", "127.0.0.1:0"], arguments].concat());
    let line = process.wait_for("listening on ");
    (process, line.strip_prefix("listening on ").unwrap().parse().unwrap())
}

const GROUPS: usize = 4;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(30);

fn worker(url: &str) -> Process {
    let mut process = start(&["--transport", url, "--role", "work", "--workers", "2", "--shutdown-ms", NEVER]);
    process.wait_for("working");
    process
}

/// Waits until each group has read all, and handled what it has read.
fn drained(server: &RedisServer) {
    let start = Instant::now();
    loop {
        let groups = server.cli(&["XINFO", "GROUPS", "webhooks"]);
        let lines: Vec<_> = groups.split_whitespace().collect();
        let number =
            |name: &str| lines.windows(2).filter(|pair| pair[0] == name).map(|pair| pair[1]).collect::<Vec<_>>();
        if number("lag") == ["0"; GROUPS] && number("pending") == ["0"; GROUPS] {
            return;
        }
        assert!(start.elapsed() < LIMIT, "{groups}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Ends a process, whose ledger adds up: what it has taken in, and what its group for unclaimed deliveries has handled.
fn end(process: Process) -> (u64, u64) {
    process.signal("-TERM");
    let (status, lines) = process.end();
    assert_eq!(status, Some(0), "{lines:#?}");
    let ([_, accepted, ..], groups) = ledger(&lines);
    for [created, handled, ignored, dead, returned, in_flight] in &groups {
        assert_eq!(handled + ignored + dead + returned + in_flight, *created, "{lines:#?}");
    }
    (accepted, groups.last().map_or(0, |[_, handled, ..]| *handled))
}

#[test]
fn what_one_process_takes_in_others_handle_once_and_a_delivery_that_comes_again_is_none() {
    let server = RedisServer::start();
    let url = server.url();
    let workers = [worker(&url), worker(&url)];
    let (ingest, addr) = serve(&["--transport", &url, "--role", "ingest"]);
    let ping = |guid: &str| {
        let (status, _, body) =
            Request::new(addr, "ping", r#"{"zen": "Design for failure."}"#).header("X-GitHub-Delivery", guid).send();
        assert_eq!(status, 202, "{body}");
        body["duplicate"] == true
    };
    let guids: Vec<_> = (0..40).map(|_| guid()).collect();
    assert!(guids.iter().all(|guid| !ping(guid)));
    assert!(guids.iter().all(|guid| ping(guid)), "they were taken in before");
    drained(&server);
    assert_eq!(end(ingest), (40, 0));
    let handled = workers.map(|worker| end(worker).1);
    assert_eq!(handled.iter().sum::<u64>(), 40, "{handled:?}");
}

#[test]
fn deliveries_wait_while_nobody_works() {
    let server = RedisServer::start();
    let url = server.url();
    // Groups begin with what comes after they were made.
    assert_eq!(end(worker(&url)), (0, 0));
    let (ingest, addr) = serve(&["--transport", &url, "--role", "ingest"]);
    for _ in 0..10 {
        let request = Request::new(addr, "ping", "{}").header("X-GitHub-Delivery", &guid());
        assert_eq!(request.status(), 202);
    }
    assert_eq!(end(ingest), (10, 0));
    let worker = worker(&url);
    drained(&server);
    assert_eq!(end(worker), (0, 10));
}

#[test]
fn what_cannot_be_handled_is_told_at_the_end_though_the_server_keeps_it() {
    let server = RedisServer::start();
    let url = server.url();
    let worker = worker(&url);
    // As no ingest would write it.
    server.cli(&["XADD", "webhooks", "*", "type", "github.repository", "data", "no JSON"]);
    drained(&server);
    worker.signal("-TERM");
    let (status, lines) = worker.end();
    assert_eq!(status, Some(0), "{lines:#?}");
    let letters: u64 = server.cli(&["XLEN", "{webhooks}:dead"]).parse().unwrap();
    let told = lines
        .iter()
        .filter(|line| line.starts_with("webhooks: github.repository ") && line.contains(" failed 1 time: "));
    assert!(letters > 0, "{lines:#?}");
    assert_eq!(told.count() as u64, letters, "{lines:#?}");
}

#[test]
fn a_password_is_not_shown_and_a_server_that_is_not_there_is_said() {
    let output = webhooks(&["--transport", "redis://:hunter2@127.0.0.1:1", "--role", "work"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!stderr(&output).is_empty() && !stderr(&output).contains("hunter2"), "{}", stderr(&output));
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    for (arguments, expected) in [
        (&["--role", "work"][..], "`--role work` needs `--transport`, and no `--serve` or `--input`"),
        (&["--role", "ingest"], "`--role ingest` needs `--serve` and `--transport`"),
        (&["--transport", "redis://127.0.0.1"], "`--transport` is for `--serve` and `--role work`"),
        (&["--role"], "`--role` needs `ingest` or `work` after it"),
        (&["--transport"], "`--transport` needs an address such as redis://127.0.0.1 after it"),
        (
            &["--transport", "redis://127.0.0.1", "--role", "work", "--queue", "3"],
            "`--queue` is for what waits in this process, and not with `--transport`",
        ),
    ] {
        let output = webhooks(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}
