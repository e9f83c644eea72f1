//! The service as a process, its client, and the mail relay that it talks to.

#[path = "../../../../tests/common/process.rs"]
mod process;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Output},
};

use process::{Process, WATCHDOG};
use serde_json::{Value, json};

/// The program, built by the cargo that runs this test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_web_service");

/// The service.
pub(crate) struct Service {
    pub(crate) process: Process,
    pub(crate) addr: SocketAddr,
}

impl Service {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        let mut process = Process::start(command.args(["--addr", "127.0.0.1:0"]).args(arguments));
        let line = process.wait_for("listening on ");
        let addr = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { process, addr }
    }

    /// Sends a request, and does not wait for the answer.
    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).expect("it listens");
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        let head = "Host: shop\r\nConnection: close\r\nContent-Type: application/json";
        let request = format!("{method} {path} HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        answer(self.send("GET", path, ""))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.send("POST", path, &body.to_string()))
    }

    pub(crate) fn order(&self, item: &str) -> (u16, Value) {
        answer(self.send_order(item))
    }

    pub(crate) fn send_order(&self, item: &str) -> TcpStream {
        let body = json!({"item": item, "quantity": 1, "email": "ada@example.org"});
        self.send("POST", "/orders", &body.to_string())
    }

    pub(crate) fn stats(&self) -> Value {
        self.get("/stats").1
    }
}

/// Reads a response to its end: status and body.
pub(crate) fn answer(mut stream: TcpStream) -> (u16, Value) {
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("an answer");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or_else(|_| body.into()))
}

/// A mail relay, played by the test.
pub(crate) struct Relay(TcpListener);

impl Relay {
    pub(crate) fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn addr(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// Takes a mail; it is under way until the stream is written to or dropped.
    pub(crate) fn mail(&self) -> (Value, TcpStream) {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        (serde_json::from_str(&line).unwrap(), stream)
    }
}

/// Runs the example to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("the example runs")
}
