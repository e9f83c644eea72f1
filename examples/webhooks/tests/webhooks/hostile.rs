//! `webhooks --serve` against those who want too much of it: connections, time, bytes, or the same thing twice.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
};

use serde_json::Value;

use crate::{
    process::{Process, Request, answer, connect, guid, ledger},
    serving::{NEVER, end, serve},
};

const PING: &str = r#"{"zen": "Keep it logically awesome."}"#;

fn ping<'a>(addr: SocketAddr) -> Request<'a> {
    Request::new(addr, "ping", PING)
}

/// A connection with half a header on it, which the program has taken: it takes them in order, and has answered a later one.
fn half_open(addr: SocketAddr, count: usize) -> Vec<TcpStream> {
    let half = |_| {
        let mut stream = connect(addr).unwrap();
        stream.write_all(b"POST /hook HTTP/1.1\r\nHost: hook\r\nX-GitHub-Ev").unwrap();
        stream
    };
    let streams = (0..count).map(half).collect();
    assert_eq!(ping(addr).without("X-GitHub-Event").status(), 400);
    streams
}

/// A request with a body that is `length` long, of which `sent` were sent. Its signature has the right form and is wrong.
fn upload(addr: SocketAddr, length: usize, sent: usize) -> TcpStream {
    let request = ping(addr).header("Content-Length", &length.to_string());
    // What is sent after the refusal meets a closed connection.
    let mut stream = Request { body: String::new(), ..request }.open();
    let _ = stream.write_all(&vec![b' '; sent]);
    stream
}

#[test]
fn connections_that_say_nothing_more_neither_delay_the_end_nor_make_it_unclean() {
    let (process, addr) = serve(&["--header-ms", "65000", "--shutdown-ms", "65000"]);
    let halves = half_open(addr, 20);
    let mut idle = connect(addr).unwrap();
    let mut silent = connect(addr).unwrap();
    let body = r#"{"zen": 1}"#;
    let request = Request::new(addr, "ping", body);
    let headers: String = request.headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    write!(idle, "POST / HTTP/1.1\r\nHost: hook\r\n{headers}\r\n{body}").unwrap();
    let mut status = [0; 12];
    idle.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 202");
    let (status, accepted, _) = end(process, "-TERM");
    assert_eq!((status, accepted), (Some(0), 1));
    for mut stream in halves {
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn connections_that_say_nothing_for_too_long_are_closed() {
    let (process, addr) = serve(&["--header-ms", "300"]);
    let mut streams = half_open(addr, 3);
    streams.push(connect(addr).unwrap());
    for mut stream in streams {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(end(process, "-TERM").0, Some(0));
}

#[test]
fn a_body_that_takes_too_long_is_refused() {
    let (process, addr) = serve(&["--body-ms", "100"]);
    let (status, _, problem) = answer(upload(addr, 1000, 10));
    assert_eq!((status, &problem["error"]), (408, &Value::from("the body takes too long to arrive")));
    assert_eq!(end(process, "-TERM").0, Some(0));
}

#[test]
fn connections_beyond_the_cap_wait_until_one_has_ended() {
    let (process, addr) = serve(&["--connections", "3", "--header-ms", NEVER]);
    let mut taken = half_open(addr, 2);
    taken.extend([connect(addr).unwrap()]);
    let mut waiting = ping(addr).open();
    waiting.set_nonblocking(true).unwrap();
    assert_eq!(waiting.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    waiting.set_nonblocking(false).unwrap();
    taken.pop();
    assert_eq!(answer(waiting).0, 202);
    assert_eq!(end(process, "-TERM").0, Some(0));
}

#[test]
fn a_body_that_cannot_be_signed_is_refused_before_it_is_read() {
    let (process, addr) = serve(&["--body-ms", NEVER]);
    let request = || ping(addr).header("Content-Length", "26000000");
    for request in [request().without("X-Hub-Signature-256"), request().header("X-Hub-Signature-256", "sha256=12")] {
        assert_eq!(Request { body: String::new(), ..request }.status(), 401);
    }
    assert_eq!(end(process, "-TERM").0, Some(0));
}

#[test]
fn who_has_no_secret_is_told_so_though_the_body_takes_many_reads() {
    let (process, addr) = serve(&[]);
    let body = format!("[{}]", " ".repeat(900_000));
    for _ in 0..20 {
        assert_eq!(Request::new(addr, "ping", body.clone()).without("X-Hub-Signature-256").status(), 401);
        assert_eq!(Request { method: "PUT", ..Request::new(addr, "ping", body.clone()) }.status(), 405);
    }
    assert_eq!(end(process, "-TERM").0, Some(0));
}

#[test]
fn bodies_beyond_the_budget_may_come_again_and_small_ones_still_find_room() {
    let (process, addr) = serve(&["--bodies-mib", "8", "--body-ms", NEVER]);
    let large = 5 << 20;
    // One that holds 5 MiB of the 6 that large ones may have, and never gets whole.
    let mut unfinished = Vec::new();
    let refused = (0..20).find_map(|_| {
        unfinished.push(upload(addr, large, large - 1));
        let (status, head, problem) = answer(upload(addr, large, large));
        // Its signature is wrong; that is seen as long as it has arrived before the other one.
        assert!([401, 503].contains(&status));
        (status == 503).then_some((head, problem))
    });
    let (head, problem) = refused.expect("there is no room");
    assert!(head.contains("\r\nretry-after: 5\r\n"), "{head}");
    assert_eq!(problem["error"], "too many deliveries are being sent");
    assert_eq!(ping(addr).status(), 202);
    drop(unfinished);
    let (status, accepted, _) = end(process, "-TERM");
    assert_eq!((status, accepted), (Some(0), 1));
}

/// Peak of the memory in use, in KiB.
#[cfg(target_os = "linux")]
fn peak(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn forty_uploads_that_nobody_has_signed_hold_what_the_budget_says() {
    let (process, addr) = serve(&["--bodies-mib", "8", "--body-ms", NEVER]);
    assert_eq!(ping(addr).status(), 202);
    let before = peak(&process);
    let uploads: Vec<_> = (0..40).map(|_| thread::spawn(move || upload(addr, 4 << 20, (4 << 20) - 1))).collect();
    let uploads: Vec<_> = uploads.into_iter().map(|upload| upload.join().unwrap()).collect();
    assert_eq!(ping(addr).status(), 202);
    let grown = peak(&process) - before;
    assert!(grown < 40 << 10, "{grown} KiB for 160 MiB of bodies");
    drop(uploads);
    assert_eq!(end(process, "-TERM").0, Some(0));
}

#[test]
fn a_delivery_that_comes_five_times_is_handled_once() {
    let (process, addr) = serve(&[]);
    let guid = guid();
    let send = || {
        let guid = guid.clone();
        thread::spawn(move || ping(addr).header("X-GitHub-Delivery", &guid).send())
    };
    let answers: Vec<_> = [(); 5].map(|()| send()).into_iter().map(|sent| sent.join().unwrap()).collect();
    assert!(answers.iter().all(|(status, _, body)| *status == 202 && body["id"] == *guid), "{answers:?}");
    let first = answers.iter().filter(|(_, _, body)| body["duplicate"] == false).count();
    let again = answers.iter().filter(|(_, _, body)| body["duplicate"] == true).count();
    assert_eq!((first, again), (1, 4));

    // What was refused was not taken in.
    let refused = Request::new(addr, "push", "{}").header("X-GitHub-Delivery", "not a GUID");
    assert_eq!(refused.status(), 400);
    let mended = ping(addr).header("X-GitHub-Delivery", "not a GUID");
    for duplicate in [false, true] {
        let (status, _, body) = mended.send();
        assert_eq!((status, &body["duplicate"], &body["delivery"]), (202, &duplicate.into(), &"not a GUID".into()));
        assert_eq!(body["id"].as_str().unwrap().len(), 36);
    }
    let (status, accepted, groups) = end(process, "-TERM");
    assert_eq!((status, accepted, groups[3][1]), (Some(0), 2, 2));
}

#[test]
fn half_a_body_at_the_end_is_told_to_come_again_and_the_end_is_clean() {
    let (mut process, addr) = serve(&["--shutdown-ms", "800", "--body-ms", NEVER]);
    let request = ping(addr).header("Expect", "100-continue");
    let mut stream = Request { body: String::new(), ..request }.open();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&PING.as_bytes()[..7]).unwrap();
    process.signal("-TERM");
    process.wait_for("taking in no more");
    let (status, head, problem) = answer(stream);
    assert_eq!((status, &problem["error"]), (503, &"the service is about to end".into()));
    assert!(head.contains("\r\nretry-after: "), "{head}");
    let (status, lines) = process.end();
    assert_eq!((status, ledger(&lines).0), (Some(0), [0; 4]), "{lines:#?}");
}

#[test]
fn under_load_every_delivery_that_was_answered_202_is_handled_though_the_end_comes_meanwhile() {
    const CLIENTS: usize = 100;
    let (mut process, addr) = serve(&["--workers", "2", "--shutdown-ms", NEVER]);
    let halves = half_open(addr, 30);
    let client = move |_| {
        // Until the program ends.
        let accepted = move || {
            let sent = || ping(addr).try_send();
            std::iter::from_fn(sent).filter(|(status, _)| *status == 202).count()
        };
        thread::spawn(accepted)
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    assert_eq!(ping(addr).status(), 202);
    process.signal("-TERM");
    process.wait_for("taking in no more");
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    let (status, lines) = process.end();
    let ([_, accepted, ..], groups) = ledger(&lines);
    assert_eq!(status, Some(0), "{lines:#?}");
    // One more, which has set off the end.
    assert!(accepted > answered as u64 && answered > 0, "{answered} of {accepted}");
    assert_eq!(groups[3], [accepted, accepted, 0, 0, 0, 0], "{lines:#?}");
    drop(halves);
}
