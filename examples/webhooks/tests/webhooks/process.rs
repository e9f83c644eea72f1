//! The example as a process that goes on, and its client.

#[path = "../../../../tests/common/process.rs"]
mod running;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

pub(crate) use running::Process;
use running::WATCHDOG;

pub(crate) const SECRET: &str = "It's a Secret to Everybody";

/// Starts the example.
pub(crate) fn start(arguments: &[&str]) -> Process {
    let mut command = Command::new(crate::PROGRAM);
    Process::start(command.args(arguments).env("WEBHOOK_SECRET", SECRET).stdin(Stdio::piped()))
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
