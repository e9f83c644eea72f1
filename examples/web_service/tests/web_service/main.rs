//! The example `web_service`, run as users run it and asked over the loopback: what its answers, its log and its exit status say
//! of emissions that fail, run late, lose their client or are under way when the service ends.

#![forbid(unsafe_code)]
#![cfg(unix)] // It ends by signals.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod service;

use std::{io::Write, net::TcpStream};

use serde_json::{Value, json};
use service::{Relay, Service, answer, run};

/// A deadline that no test reaches.
const NEVER: &str = "600000";
/// A deadline for what never ends; long enough for all the rest, also on a busy machine.
const SOON: &str = "1000";

/// The one listener that a problem names, and what became of it.
fn failure(problem: &Value) -> (&str, &str) {
    let [failure] = &problem["failures"].as_array().expect("failures")[..] else { panic!("{problem}") };
    (failure["listener"].as_str().unwrap(), failure["outcome"].as_str().unwrap())
}

#[test]
fn a_placed_order_stands_and_every_module_has_heard_of_it() {
    let mut service = Service::start(&["--deadline-ms", NEVER]);
    let (status, order) = service.order("book");
    assert_eq!((status, &order["status"]), (201, &json!("confirmed")));
    service.process.wait_for("order 1: receipt sent");
    assert_eq!(service.get("/orders/1"), (200, order));

    service.process.signal("-INT");
    let (status, lines) = service.process.end();
    assert_eq!(status, Some(0), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(r#""confirmed":1"#) && line.ends_with("failures: 0")), "{lines:#?}");
}

#[test]
fn the_numbers_of_an_order_show_in_the_stats() {
    let mut service = Service::start(&["--deadline-ms", NEVER]);
    service.order("book");
    // Sent, and counted: the synchronous listeners of an emission run before the asynchronous ones.
    service.process.wait_for("order 1: receipt sent");
    let stats = service.stats();
    assert_eq!(stats["orders"], json!({"placed": 0, "confirmed": 1, "withdrawn": 0}));
    assert_eq!((&stats["stock"]["left"]["book"], &stats["payment"]["cents"]), (&json!(99), &json!(1250)));
    assert_eq!((&stats["mail"]["sent"], &stats["analytics"]["sold"]), (&json!(1), &json!({"book": 1})));
    assert_eq!(stats["failures"], 0);
    assert_eq!(service.get("/healthz"), (200, "ok\n".into()));
}

#[test]
fn what_is_not_an_order_is_refused_with_all_that_is_wrong_and_nothing_is_emitted() {
    let service = Service::start(&[]);
    let (status, body) = service.post("/orders", &json!({"item": "tank", "quantity": 0, "email": "nobody"}));
    assert_eq!((status, body["problems"].as_array().unwrap().len()), (422, 3), "{body}");
    let (status, body) = service.post("/orders", &json!({"item": "book"}));
    assert_eq!(status, 422);
    assert!(body["error"].as_str().unwrap().contains("missing field `quantity`"), "{body}");
    assert_eq!(answer(service.send("POST", "/orders", "{")).0, 400);
    for path in ["/orders/1", "/orders/first"] {
        assert_eq!(service.get(path).0, 404);
    }
    assert_eq!(service.stats()["orders"], json!({"placed": 0, "confirmed": 0, "withdrawn": 0}));
}

#[test]
fn a_refusal_is_a_conflict_and_what_the_others_did_is_undone() {
    let mut service = Service::start(&["--deadline-ms", NEVER]);
    let (status, problem) = service.order("declined");
    assert_eq!((status, &problem["event"]), (409, &json!("order.placed")));
    assert_eq!(failure(&problem), ("payment.charge", "failed: the card was declined"));
    service.process.wait_for("order 1: released 1 of declined");

    let (status, problem) =
        service.post("/orders", &json!({"item": "lamp", "quantity": 6, "email": "ada@example.org"}));
    assert_eq!(status, 409);
    assert_eq!(failure(&problem), ("stock.reserve", "failed: out of stock, 5 left"));
    service.process.wait_for("order 2: refunded");
    assert_eq!(service.get("/orders/2").1["status"], "withdrawn");
}

#[test]
fn a_breakdown_is_a_bad_gateway_and_names_who_broke() {
    let service = Service::start(&["--deadline-ms", NEVER]);
    let (status, problem) = service.order("outage");
    assert_eq!((status, &problem["error"]), (502, &json!("failed")));
    assert_eq!(failure(&problem), ("payment.charge", "failed: the payment provider cannot be reached"));
}

#[test]
fn a_deadline_is_a_gateway_timeout_and_stops_whoever_was_late() {
    let mut service = Service::start(&["--deadline-ms", SOON]);
    let (status, problem) = service.order("stuck");
    assert_eq!((status, &problem["error"]), (504, &json!("timed out")));
    assert_eq!(failure(&problem), ("stock.reserve", "timed out"));
    service.process.wait_for("order 1: reserving was stopped");

    // In a task of its own it is not stopped but told, and stops itself.
    let (status, problem) = service.order("slow");
    assert_eq!(status, 504);
    assert_eq!(failure(&problem), ("payment.charge", "is still running"));
    service.process.wait_for("order 2: charging was stopped");
    assert_eq!(service.stats()["payment"]["stopped"], 1);
}

#[test]
fn a_failed_receipt_is_logged_and_the_order_stands() {
    let relay = Relay::new();
    let mut service = Service::start(&["--deadline-ms", NEVER, "--mail-relay", &relay.addr()]);
    assert_eq!(service.order("book").0, 201);
    relay.mail().1.write_all(b"no\n").unwrap();
    let line = service.process.wait_for("order.confirmed: listener `mail.receipt`");
    assert!(
        line.contains("examples/web_service/src/modules/mail.rs:") && line.ends_with("did not take the mail"),
        "{line}"
    );
    assert_eq!(service.get("/orders/1").1["status"], "confirmed");
    assert_eq!(service.stats()["failures"], 1);
}

#[test]
fn a_client_that_goes_away_stops_the_listeners_inside_its_request() {
    let mut service = Service::start(&["--deadline-ms", NEVER]);
    let client = service.send_order("stuck");
    service.process.wait_for("order 1: reserving");
    service.process.wait_for("order 1: charged");
    drop(client);
    service.process.wait_for("order 1: reserving was stopped");
    service.process.wait_for("order 1: refunded");
    let stats = service.stats();
    assert_eq!((&stats["stock"]["stopped"], &stats["payment"]["refunded"]), (&json!(1), &json!(1)));
    assert_eq!(stats["orders"], json!({"placed": 0, "confirmed": 0, "withdrawn": 1}));
}

#[test]
fn a_client_that_goes_away_is_seen_by_a_listener_in_a_task_of_its_own() {
    let mut service = Service::start(&["--deadline-ms", NEVER]);
    let client = service.send_order("slow");
    service.process.wait_for("order 1: charging 100 cents");
    assert_eq!(service.stats()["in_flight"]["spawned_listeners"], 1);
    drop(client);
    service.process.wait_for("order 1: charging was stopped");
    service.process.wait_for("order 1: released");
    let stats = service.stats();
    assert_eq!((&stats["payment"]["stopped"], &stats["stock"]["left"]["slow"]), (&json!(1), &json!(100)));
    assert_eq!(stats["in_flight"]["requests"], 0);
}

#[test]
fn one_deadline_covers_an_import_which_says_how_far_it_came() {
    let service = Service::start(&["--deadline-ms", SOON]);
    let line = |item| json!({"item": item, "quantity": 2});
    let (status, imported) = service.post("/import", &json!([line("book"), line("tank"), line("stuck"), line("lamp")]));
    assert_eq!((status, &imported["lines"], &imported["done"]), (504, &json!(4), &json!(2)));
    assert_eq!(failure(&imported["ended"]), ("stock.take_in", "timed out"));
    assert_eq!(imported["failed"][0]["line"], 2);
    assert_eq!(failure(&imported["failed"][0]), ("stock.take_in", "failed: not an item of this shop"));
    let left = &service.stats()["stock"]["left"];
    assert_eq!((&left["book"], &left["lamp"]), (&json!(102), &json!(5)));
}

#[test]
fn an_import_in_time_is_done_to_the_last_line() {
    let service = Service::start(&["--deadline-ms", NEVER]);
    let lines: Vec<_> = (0..500).map(|_| json!({"item": "book", "quantity": 1})).collect();
    let (status, imported) = service.post("/import", &lines.into());
    assert_eq!((status, imported), (200, json!({"lines": 500, "done": 500, "failed": []})));
    assert_eq!(service.stats()["stock"]["left"]["book"], 600);
}

#[test]
fn sigterm_closes_the_intake_and_waits_for_what_was_spawned() {
    let relay = Relay::new();
    let mut service = Service::start(&["--shutdown-ms", NEVER, "--mail-relay", &relay.addr()]);
    assert_eq!(service.order("book").0, 201);
    let (mail, mut stream) = relay.mail();
    assert_eq!(mail["subject"], "Order 1: 1 of book");

    service.process.signal("-TERM");
    service.process.wait_for("the intake is closed and every request has ended; under way: 1 spawned emissions");
    assert!(TcpStream::connect(service.addr).is_err(), "it still listens");
    assert!(service.process.child.try_wait().unwrap().is_none(), "it waits for the mail");

    stream.write_all(b"ok\n").unwrap();
    let (status, lines) = service.process.end();
    assert_eq!(status, Some(0), "{lines:#?}");
    assert!(lines.contains(&"order 1: receipt sent".to_owned()), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("stopped, ") && line.ends_with("failures: 0")), "{lines:#?}");
}

#[test]
fn a_request_under_way_at_sigterm_is_answered() {
    let mut service = Service::start(&["--deadline-ms", SOON, "--shutdown-ms", NEVER]);
    let client = service.send_order("slow");
    service.process.wait_for("order 1: charging");
    service.process.signal("-TERM");
    assert_eq!(answer(client).0, 504);
    let (status, lines) = service.process.end();
    assert_eq!(status, Some(0), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("order 1: released")), "{lines:#?}");
}

#[test]
fn what_outlasts_the_shutdown_deadline_is_named_and_the_exit_status_is_1() {
    let relay = Relay::new();
    let arguments = ["--deadline-ms", NEVER, "--shutdown-ms", SOON, "--mail-relay", &relay.addr()];
    let mut service = Service::start(&arguments);
    assert_eq!(service.order("book").0, 201);
    let _mail = relay.mail();
    let client = service.send_order("slow");
    service.process.wait_for("order 2: charging");

    service.process.signal("-TERM");
    service.process.wait_for("time is up, still running: 1 requests, 1 spawned emissions, 1 spawned listeners");
    let line = service.process.wait_for("listener `mail.receipt`");
    assert!(line.ends_with("was cancelled"), "{line}");
    service.process.wait_for("order 2: charging was stopped");
    let (status, problem) = answer(client);
    assert_eq!((status, &problem["error"]), (503, &json!("cancelled")));
    assert_eq!(failure(&problem).0, "payment.charge");
    assert_eq!(service.process.end().0, Some(1));
}

#[test]
fn a_second_signal_ends_the_waiting() {
    let relay = Relay::new();
    let mut service = Service::start(&["--shutdown-ms", NEVER, "--mail-relay", &relay.addr()]);
    assert_eq!(service.order("book").0, 201);
    let _mail = relay.mail();
    service.process.signal("-TERM");
    service.process.wait_for("SIGTERM: no more requests");
    service.process.signal("-INT");
    service.process.wait_for("SIGINT, still running: 0 requests, 1 spawned emissions");
    assert_eq!(service.process.end().0, Some(1));
}

#[test]
fn a_wrong_command_line_or_address_is_refused_with_status_2() {
    let taken = Relay::new();
    for (arguments, part) in [
        (&["--adr"][..], "`--help`"),
        (&["--addr"], "needs a value"),
        (&["--addr", "here"], "not `here`"),
        (&["--deadline-ms", "-1"], "milliseconds"),
        (&["--addr", &taken.addr()], "cannot listen on"),
    ] {
        let output = run(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr.contains(part), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty());
    }
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&help.stdout).contains("--deadline-ms N"));
}
