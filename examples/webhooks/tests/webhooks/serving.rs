//! `webhooks --serve`: what its answers, its ledger and its exit status say of deliveries that are taken in, and of those that
//! are not.

use std::{
    io::{Read, Write},
    net::SocketAddr,
};

use serde_json::Value;

use crate::{
    process::{Process, Request, SECRET, answer, guid, ledger, start},
    recorded, recorded_deliveries, stderr, webhooks,
};

/// A deadline that no test reaches.
pub(crate) const NEVER: &str = "60000";

pub(crate) fn serve(arguments: &[&str]) -> (Process, SocketAddr) {
    let mut process = start(&[&["--serve", "127.0.0.1:0"], arguments].concat());
    let line = process.wait_for("listening on ");
    let addr: SocketAddr = line.strip_prefix("listening on ").unwrap().parse().unwrap();
    assert_ne!(addr.port(), 0);
    (process, addr)
}

/// Ends it: the exit status, what was accepted, and the groups' numbers, which add up to that.
pub(crate) fn end(process: Process, signal: &str) -> (Option<i32>, u64, Vec<[u64; 6]>) {
    process.signal(signal);
    let (status, lines) = process.end();
    let ([offered, accepted, rejected, unknown], groups) = ledger(&lines);
    assert_eq!(offered, accepted + rejected + unknown, "{lines:#?}");
    for [created, handled, ignored, dead, returned, in_flight] in &groups {
        assert!(*created <= accepted && *in_flight == 0, "{lines:#?}");
        assert_eq!(handled + ignored + dead + returned, *created, "executed + reported = given: {lines:#?}");
    }
    (status, accepted, groups)
}

#[test]
fn the_recorded_deliveries_are_taken_in_and_all_accounted_for() {
    let (process, addr) = serve(&["--workers", "2", "--shutdown-ms", NEVER]);
    let mut sent = 0;
    for line in recorded().lines().step_by(7) {
        let delivery: Value = serde_json::from_str(line).unwrap();
        let event = delivery["event"].as_str().unwrap();
        let guid = guid();
        let request = Request::new(addr, event, delivery["payload"].to_string()).header("X-GitHub-Delivery", &guid);
        let (status, _, accepted) = request.send();
        assert_eq!((status, &accepted["name"]), (202, &delivery["name"]), "{accepted}");
        assert_eq!((&accepted["delivery"], &accepted["id"]), (&Value::from(&*guid), &Value::from(&*guid)));
        sent += 1;
    }
    let (status, accepted, groups) = end(process, "-TERM");
    assert_eq!((status, accepted), (Some(0), sent));
    assert!(groups.iter().all(|[_, handled, _, dead, returned, _]| *handled > 0 && dead + returned == 0), "{groups:?}");
}

#[test]
fn what_is_not_signed_or_not_a_delivery_is_refused_and_not_published() {
    let (process, addr) = serve(&[]);
    let body = recorded_deliveries("issues.opened").remove(0)["payload"].to_string();
    let request = || Request::new(addr, "issues", body.clone());

    assert_eq!(request().without("X-Hub-Signature-256").status(), 401);
    let right = &request().headers.iter().find(|(name, _)| *name == "X-Hub-Signature-256").unwrap().1.clone();
    for wrong in ["", "sha256=", &right[7..], &right[..right.len() - 2], &right.replace("sha256", "sha1"), SECRET] {
        assert_eq!(request().header("X-Hub-Signature-256", wrong).status(), 401, "{wrong}");
    }
    // A right signature of something else.
    assert_eq!(Request { body: body.replacen('1', "2", 1), ..request() }.status(), 401);

    for (request, part) in [
        (request().without("X-GitHub-Event"), "X-GitHub-Event"),
        (request().without("X-GitHub-Delivery"), "X-GitHub-Delivery"),
        (request().header("X-GitHub-Event", "Issues!"), "no event name"),
        (request().header("X-GitHub-Event", "issues.v2"), "version 2"),
        (request().header("X-GitHub-Event", "push"), "does not decode"),
        (Request::new(addr, "issues", "{"), "no JSON object"),
        (Request::new(addr, "issues", r#"{"action": 7}"#), "`action`: expected a string"),
        (Request::new(addr, "ping", format!("{{\"a\": {}1{}}}", "[".repeat(99), "]".repeat(99))), "nested"),
    ] {
        let (status, _, problem) = request.send();
        assert_eq!(status, 400, "{problem}");
        assert!(problem["error"].as_str().unwrap().contains(part), "{part}: {problem}");
    }
    assert_eq!(request().header("Content-Type", "application/x-www-form-urlencoded").status(), 415);
    assert_eq!(request().without("Content-Type").status(), 415);
    // Its body need not be sent.
    let large = Request { body: String::new(), ..request().header("Content-Length", "26214401") };
    assert_eq!(large.status(), 413);
    for method in ["GET", "PUT"] {
        assert_eq!(Request { method, ..request() }.status(), 405);
    }

    let (status, accepted, _) = end(process, "-INT");
    assert_eq!((status, accepted), (Some(0), 0));
}

#[test]
fn when_the_queue_is_full_the_sender_may_come_again_and_what_is_left_at_the_end_is_reported() {
    let (process, addr) = serve(&["--workers", "1", "--queue", "1", "--per-minute", "1", "--shutdown-ms", "1000"]);
    let mut taken = 0;
    let (head, problem) = loop {
        let (status, head, body) = Request::new(addr, "ping", "{}").send();
        if status != 202 {
            assert_eq!(status, 503, "{body}");
            break (head, body);
        }
        taken += 1;
        assert!(taken < 100, "it takes everything");
    };
    assert!(head.contains("\r\nretry-after: "), "{head}");
    assert!(problem["error"].as_str().unwrap().contains("wait already"), "{problem}");

    let (status, accepted, groups) = end(process, "-TERM");
    assert_eq!((status, accepted), (Some(1), taken));
    assert!(groups.iter().any(|[.., returned, _]| *returned > 0), "{groups:?}");
}

#[test]
fn a_delivery_that_a_module_cannot_handle_is_accepted_and_reported() {
    let (process, addr) = serve(&[]);
    let mut payload = recorded_deliveries("member.edited").remove(0)["payload"].clone();
    payload.as_object_mut().unwrap().remove("changes");
    assert_eq!(Request::new(addr, "member", payload.to_string()).status(), 202);
    let (status, accepted, groups) = end(process, "-TERM");
    assert_eq!((status, accepted), (Some(0), 1));
    assert_eq!(groups.iter().map(|[_, _, _, dead, ..]| dead).sum::<u64>(), 1);
}

#[test]
fn a_request_under_way_at_the_end_is_still_taken_in() {
    let (mut process, addr) = serve(&["--shutdown-ms", NEVER]);
    let request = Request::new(addr, "ping", r#"{"zen": "Keep it logically awesome."}"#);
    let (first, rest) = (request.body[..10].to_owned(), request.body[10..].to_owned());
    let request = request.header("Expect", "100-continue");
    let mut stream = Request { body: String::new(), ..request }.open();
    // It is asked for its body: by now it is under way.
    let asked = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut answered = vec![0; asked.len()];
    stream.read_exact(&mut answered).unwrap();
    assert_eq!(answered, asked);
    stream.write_all(first.as_bytes()).unwrap();

    process.signal("-TERM");
    process.wait_for("taking in no more");
    stream.write_all(rest.as_bytes()).unwrap();
    assert_eq!(answer(stream).0, 202);
    let (status, lines) = process.end();
    let ([_, accepted, ..], groups) = ledger(&lines);
    assert_eq!((status, accepted), (Some(0), 1), "{lines:#?}");
    assert_eq!(groups[3][1], 1, "it was handled");
}

#[test]
fn it_does_not_begin_without_a_secret_or_an_address() {
    let mut command = std::process::Command::new(crate::PROGRAM);
    for secret in [None, Some("")] {
        command.args(["--serve", "127.0.0.1:0"]).env_remove("WEBHOOK_SECRET");
        secret.map(|secret| command.env("WEBHOOK_SECRET", secret));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("WEBHOOK_SECRET"), "{}", stderr(&output));
    }
    let (process, addr) = serve(&[]);
    let mut second = start(&["--serve", &addr.to_string()]);
    second.wait_for("cannot listen on");
    assert_eq!(second.end().0, Some(2));
    assert_eq!(end(process, "-TERM").0, Some(0));
    for arguments in [&["--serve"][..], &["--serve", "here"], &["--serve", "127.0.0.1:0", "--input", "a"]] {
        assert_eq!(webhooks(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
