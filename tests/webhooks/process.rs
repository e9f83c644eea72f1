//! The example as a process that goes on, and its client.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// Nothing here waits for time to pass; this ends a test that waits for what does not come.
const WATCHDOG: Duration = Duration::from_mins(1);

pub(crate) const SECRET: &str = "It's a Secret to Everybody";

/// The example, and the lines that it prints.
pub(crate) struct Process {
    pub(crate) child: Child,
    lines: Receiver<String>,
    /// Lines that nobody has waited for yet.
    unread: Vec<String>,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(crate::example("webhooks"));
        command.args(arguments).env("WEBHOOK_SECRET", SECRET);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the example runs");
        let (sender, lines) = channel();
        pass_on(child.stdout.take().unwrap(), sender.clone());
        pass_on(child.stderr.take().unwrap(), sender);
        Self { child, lines, unread: Vec::new() }
    }

    /// Waits for a line of stdout or stderr with `part` in it. Each line counts once.
    pub(crate) fn wait_for(&mut self, part: &str) -> String {
        loop {
            if let Some(at) = self.unread.iter().position(|line| line.contains(part)) {
                return self.unread.remove(at);
            }
            match self.lines.recv_timeout(WATCHDOG) {
                Ok(line) => self.unread.push(line),
                Err(error) => panic!("{error} before `{part}`; lines that were not waited for: {:#?}", self.unread),
            }
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(status.expect("`kill` runs").success());
    }

    /// Waits for the end of the process: its exit status, and the lines that were not waited for.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        loop {
            match self.lines.recv_timeout(WATCHDOG) {
                Ok(line) => self.unread.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", self.unread),
            }
        }
        let status = self.child.wait().unwrap();
        (status.code(), std::mem::take(&mut self.unread))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pass_on(from: impl Read + Send + 'static, to: Sender<String>) {
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
}

/// The lines of a ledger of four groups, as numbers: what was offered, accepted, rejected and unknown; and of each group what
/// it was given, handled, ignored, dead-lettered, returned and in flight.
pub(crate) fn ledger(lines: &[String]) -> ([u64; 4], Vec<[u64; 6]>) {
    let numbers =
        |line: &String| -> Vec<u64> { line.split([' ', ',', ':']).filter_map(|word| word.parse().ok()).collect() };
    let at = lines.iter().position(|line| line.starts_with("Ledger: ")).unwrap_or_else(|| panic!("{lines:#?}"));
    let groups = ["audit", "statistics", "triage", "unclaimed"].map(|group| {
        let line = lines.iter().find(|line| line.starts_with(&format!("  {group} "))).expect(group);
        numbers(line).try_into().expect("six numbers")
    });
    (numbers(&lines[at]).try_into().expect("four numbers"), groups.into())
}

/// A request, as GitHub sends it unless a test says otherwise.
pub(crate) struct Request<'a> {
    pub(crate) addr: SocketAddr,
    pub(crate) method: &'a str,
    pub(crate) headers: Vec<(&'a str, String)>,
    pub(crate) body: String,
}

impl<'a> Request<'a> {
    pub(crate) fn new(addr: SocketAddr, event: &str, body: impl Into<String>) -> Self {
        let body = body.into();
        let headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("X-GitHub-Event", event.to_owned()),
            ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned()),
            ("X-Hub-Signature-256", sign(&body)),
            ("Content-Length", body.len().to_string()),
        ];
        Self { addr, method: "POST", headers, body }
    }

    /// With another value of a header.
    pub(crate) fn header(mut self, name: &'a str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    /// Sends it, and does not wait for the answer.
    pub(crate) fn open(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).expect("it listens");
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        let headers: String = self.headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
        let head = format!("{} /hook HTTP/1.1\r\nHost: hook\r\nConnection: close\r\n{headers}\r\n", self.method);
        stream.write_all((head + &self.body).as_bytes()).unwrap();
        stream
    }

    /// The status, the head, and the body of the answer.
    pub(crate) fn send(&self) -> (u16, String, Value) {
        answer(self.open())
    }

    pub(crate) fn status(&self) -> u16 {
        self.send().0
    }
}

pub(crate) fn answer(mut stream: TcpStream) -> (u16, String, Value) {
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("an answer");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head.to_ascii_lowercase(), serde_json::from_str(body).unwrap_or_else(|_| body.into()))
}

pub(crate) fn sign(body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
