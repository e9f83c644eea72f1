//! One trace through two processes, as the exporters of both have it.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../tests/common/process.rs"]
#[allow(dead_code, reason = "this test uses a part of it")]
mod running;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use redis_test_server::RedisServer;
use running::Process;

const PROGRAM: &str = env!("CARGO_BIN_EXE_telemetry");

fn start(arguments: &[&str]) -> Process {
    Process::start(Command::new(PROGRAM).args(arguments))
}

/// The lines of a process that ends well.
fn lines(process: Process) -> Vec<String> {
    let (status, lines) = process.end();
    assert_eq!(status, Some(0), "{lines:#?}");
    lines
}

/// What the spans of both processes are together.
fn joined(linked: &[&str]) -> String {
    let server = RedisServer::start();
    let url = server.url();
    let mut warehouse = start(&[&["warehouse", &url], linked].concat());
    warehouse.wait_for("the warehouse is open");
    let shop = start(&[&["shop", &url], linked].concat());
    let spans = [lines(shop), lines(warehouse)].concat().join("\n");

    let mut tree = Command::new(PROGRAM).arg("tree").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    tree.stdin.take().unwrap().write_all(spans.as_bytes()).unwrap();
    String::from_utf8(tree.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_trace_through_two_processes_is_one_tree() {
    let expected = "\
trace 1
  emit order.placed                                 shop
    listen order.placed                             shop
      send order.paid [producer]                    shop
        process order.paid [consumer] [failed]      warehouse
        process order.paid [consumer]               warehouse
          emit parcel.packed                        warehouse
            listen parcel.packed                    warehouse
";
    assert_eq!(joined(&[]), expected);
    let alone = expected.replace("shop", "both").replace("warehouse", "both");
    assert_eq!(lines(start(&[])).join("\n") + "\n", alone, "in one process it is the same");
}

#[test]
fn linked_each_attempt_is_a_trace_that_knows_where_it_came_from() {
    let expected = "\
trace 1
  emit order.placed                                 shop
    listen order.placed                             shop
      send order.paid [producer]                    shop
trace 2
  process order.paid [consumer] [failed]            warehouse, linked to `send order.paid [producer]`
trace 3
  process order.paid [consumer]                     warehouse, linked to `send order.paid [producer]`
    emit parcel.packed                              warehouse
      listen parcel.packed                          warehouse
";
    assert_eq!(joined(&["--linked"]), expected);
}

#[test]
fn the_docs_show_the_propagation_that_is_tried_here() {
    let (_, code) = include_str!("../src/propagation.rs").split_once("\n\n").unwrap();
    let code = code.replace("pub(crate) ", "");
    for (name, page) in [
        ("docs/guide/watching.md", include_str!("../../../docs/guide/watching.md")),
        ("eventbus-core/src/observe/tracing.md", include_str!("../../../eventbus-core/src/observe/tracing.md")),
    ] {
        assert!(page.contains(&code), "{name} should have this:\n{code}");
    }
}
