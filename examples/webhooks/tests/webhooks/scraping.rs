//! `webhooks --serve`: what `/metrics` tells Prometheus.

use std::{
    io::Write,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use crate::{
    process::{Request, connect},
    recorded_deliveries,
    serving::{NEVER, end, serve},
};

const TRIAGE: &str = r#"messaging_consumer_group_name="triage""#;
const UNCLAIMED: &str = r#"messaging_consumer_group_name="unclaimed""#;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What is told now.
fn scrape(addr: SocketAddr) -> String {
    let mut stream = connect(addr).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
    let (status, head, body) = crate::process::answer(stream);
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    body.as_str().expect("text").to_owned()
}

/// The number of the line with this name and these parts of its labels.
fn number(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let is_it = |line: &&str| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    };
    text.lines().find(is_it)?.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn prometheus_reads_what_was_published_handled_and_emitted() {
    let (process, addr) = serve(&["--workers", "2", "--shutdown-ms", NEVER]);
    let issue = recorded_deliveries("issues.opened").remove(0)["payload"].to_string();
    for (event, body) in [("issues", &*issue), ("issues", &*issue), ("never_heard_of", "{}")] {
        assert_eq!(Request::new(addr, event, body).status(), 202);
    }
    let issues = r#"messaging_destination_name="github.issues""#;
    let start = Instant::now();
    let text = loop {
        let text = scrape(addr);
        let handled = [[issues, TRIAGE], [r#"destination_name="**""#, UNCLAIMED]]
            .map(|labels| number(&text, "messaging_client_consumed_messages_total", &labels));
        if handled == [Some(2.0), Some(1.0)] {
            break text;
        }
        assert!(start.elapsed() < LIMIT, "{text}");
        thread::sleep(Duration::from_millis(10));
    };

    let is = |name, labels: &[&str], value| assert_eq!(number(&text, name, labels), Some(value), "{name}: {text}");
    is("messaging_client_sent_messages_total", &[issues, r#"messaging_system="eventbus""#], 2.0);
    is("messaging_client_sent_messages_total", &[r#"messaging_destination_name="_OTHER""#], 1.0);
    is("messaging_process_duration_seconds_count", &[issues, TRIAGE], 2.0);
    is("messaging_process_duration_seconds_bucket", &[issues, TRIAGE, r#"le="+Inf""#], 2.0);
    is("eventbus_queue_depth", &[TRIAGE], 0.0);
    is("eventbus_consumer_stalled", &[TRIAGE], 0.0);
    is("eventbus_transport_errors_total", &[], 0.0);
    assert!(
        number(&text, "eventbus_calls_total", &[r#"event="github.issues""#, r#"outcome="ok""#]) >= Some(2.0),
        "{text}"
    );
    assert!(!text.contains("never_heard_of"), "a name from outside is no label: {text}");
    let (status, accepted, _) = end(process, "-TERM");
    assert_eq!((status, accepted), (Some(0), 3));
}
