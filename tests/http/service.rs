//! The service as a process, its client, and the mail relay that it talks to.

use std::{
    env::{self, consts::EXE_SUFFIX},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// Nothing here waits for time to pass; this ends a test that waits for what does not come.
const WATCHDOG: Duration = Duration::from_mins(1);
pub(crate) fn example() -> PathBuf {
    // `CARGO_BIN_EXE_..` knows no examples; this test lies in `<profile>/deps`, they in `<profile>/examples`.
    let test = env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(Path::parent).expect("a test lies in `<profile>/deps`");
    let example = profile.join(format!("examples/http{EXE_SUFFIX}"));
    assert!(
        example.exists(),
        "{} is not there: a plain `cargo test` builds it, before `cargo test --test http` run `cargo build --example http`",
        example.display()
    );
    example
}

/// The service, and the lines that it prints.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
    lines: Receiver<String>,
    /// Lines that nobody has waited for yet.
    unread: Vec<String>,
}

impl Service {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(example());
        command.args(["--addr", "127.0.0.1:0"]).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the example runs");
        let (sender, lines) = channel();
        pass_on(child.stdout.take().unwrap(), sender.clone());
        pass_on(child.stderr.take().unwrap(), sender);
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut service = Self { child, addr, lines, unread: Vec::new() };
        let line = service.wait_for("listening on ");
        service.addr = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        service
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

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pass_on(from: impl Read + Send + 'static, to: Sender<String>) {
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
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
    Command::new(example()).args(arguments).output().expect("the example runs")
}
