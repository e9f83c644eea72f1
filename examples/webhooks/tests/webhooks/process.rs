//! The example as a process that goes on, and its client.

#[path = "../../../../tests/common/process.rs"]
mod running;

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
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

/// The lines of a ledger of four groups, or none, as numbers: what was offered, accepted, rejected and unknown; and of each group what
/// it was given, handled, ignored, dead-lettered, returned and in flight.
pub(crate) fn ledger(lines: &[String]) -> ([u64; 4], Vec<[u64; 6]>) {
    let numbers =
        |line: &String| -> Vec<u64> { line.split([' ', ',', ':']).filter_map(|word| word.parse().ok()).collect() };
    let at = lines.iter().position(|line| line.starts_with("Ledger: ")).unwrap_or_else(|| panic!("{lines:#?}"));
    let names = if lines.len() > at + 1 { &["audit", "statistics", "triage", "unclaimed"][..] } else { &[] };
    let groups = names.iter().map(|group| {
        let line = lines.iter().find(|line| line.starts_with(&format!("  {group} "))).expect(group);
        numbers(line).try_into().expect("six numbers")
    });
    (numbers(&lines[at]).try_into().expect("four numbers"), groups.collect())
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
            ("X-GitHub-Delivery", guid()),
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

    /// The answer's status and body; `None` if there is none, since the program ends.
    pub(crate) fn try_send(&self) -> Option<(u16, Value)> {
        let mut stream = connect(self.addr).ok()?;
        self.write_to(&mut stream).ok()?;
        let mut response = String::new();
        stream.read_to_string(&mut response).ok()?;
        let (status, _, body) = read_answer(&response)?;
        Some((status, body))
    }

    /// Sends it, and does not wait for the answer.
    pub(crate) fn open(&self) -> TcpStream {
        let mut stream = connect(self.addr).expect("it listens");
        self.write_to(&mut stream).unwrap();
        stream
    }

    fn write_to(&self, stream: &mut TcpStream) -> io::Result<()> {
        let headers: String = self.headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
        let head = format!("{} /hook HTTP/1.1\r\nHost: hook\r\nConnection: close\r\n{headers}\r\n", self.method);
        stream.write_all((head + &self.body).as_bytes())
    }

    /// The status, the head, and the body of the answer.
    pub(crate) fn send(&self) -> (u16, String, Value) {
        answer(self.open())
    }

    pub(crate) fn status(&self) -> u16 {
        self.send().0
    }
}

/// A GUID that no other request of this test has.
pub(crate) fn guid() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{:08x}-cc78-11e3-81ab-4c9367dc0958", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A connection on which nothing was sent yet.
pub(crate) fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(WATCHDOG))?;
    Ok(stream)
}

pub(crate) fn answer(mut stream: TcpStream) -> (u16, String, Value) {
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("an answer");
    read_answer(&response).expect("a head with a status, and a body")
}

fn read_answer(response: &str) -> Option<(u16, String, Value)> {
    let (head, body) = response.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head.to_ascii_lowercase(), serde_json::from_str(body).unwrap_or_else(|_| body.into())))
}

pub(crate) fn sign(body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
