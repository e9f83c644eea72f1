//! A line to a server that can be cut, held up and slowed down.

use std::{
    net::TcpListener as Listener,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Builder,
    sync::watch,
};

/// Carries connections to a port of this machine, and makes trouble when it is told to. Dropped, it ends them.
///
/// ```
/// use redis_test_server::{Proxy, RedisServer};
///
/// let server = RedisServer::start();
/// let proxy = Proxy::to(server.port());
/// let ask = || server.at(proxy.port()).cli(&["PING"]);
/// assert_eq!(ask(), "PONG");
/// proxy.cut();
/// assert!(server.at(proxy.port()).try_cli(&["PING"]).is_err());
/// proxy.mend();
/// assert_eq!(ask(), "PONG");
/// ```
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    line: watch::Sender<Line>,
    attempts: Attempts,
}

/// When somebody has connected.
type Attempts = Arc<Mutex<Vec<Instant>>>;

/// How the line is.
#[derive(Clone, Copy, Default, Debug)]
struct Line {
    is_cut: bool,
    is_silent: bool,
    delay: Duration,
    /// How often connections were broken: a connection knows how often before it.
    breaks: u64,
}

impl Proxy {
    /// Starts a proxy to a port.
    ///
    /// # Panics
    ///
    /// If no port is free, or no thread can be started.
    pub fn to(server: u16) -> Self {
        let listener = Listener::bind(("127.0.0.1", 0)).expect("a port should be free");
        listener.set_nonblocking(true).expect("a listener can be non-blocking");
        let port = listener.local_addr().expect("a listener has an address").port();
        let (line, watched) = watch::channel(Line::default());
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime should start");
        let attempts = Attempts::default();
        let noted = Arc::clone(&attempts);
        let run = move || runtime.block_on(accept(listener, server, watched, &noted));
        thread::Builder::new().name("proxy".to_owned()).spawn(run).expect("a thread should start");
        Self { port, line, attempts }
    }

    /// The port that it listens to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// When somebody has connected, in order; those who found the line cut, too.
    pub fn attempts(&self) -> Vec<Instant> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Breaks all connections; new ones are closed at once, until [`mend`](Self::mend).
    pub fn cut(&self) {
        self.line.send_modify(|line| {
            line.is_cut = true;
            line.breaks += 1;
        });
    }

    /// Breaks all connections; new ones are carried.
    pub fn break_all(&self) {
        self.line.send_modify(|line| line.breaks += 1);
    }

    /// Connections stay, and nothing is carried, until [`mend`](Self::mend): the line is half open.
    pub fn silence(&self) {
        self.line.send_modify(|line| line.is_silent = true);
    }

    /// Carries connections again.
    pub fn mend(&self) {
        self.line.send_modify(|line| (line.is_cut, line.is_silent) = (false, false));
    }

    /// Holds up all that is carried, in each direction.
    pub fn delay(&self, time: Duration) {
        self.line.send_modify(|line| line.delay = time);
    }
}

/// Accepts until the proxy is dropped.
async fn accept(listener: Listener, server: u16, mut line: watch::Receiver<Line>, attempts: &Attempts) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // An error: it was dropped.
            _ = line.wait_for(|_| false) => return,
        };
        let Ok((client, _)) = accepted else { continue };
        attempts.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        let now = *line.borrow();
        if !now.is_cut {
            tokio::spawn(carry(client, server, line.clone(), now.breaks));
        }
    }
}

async fn carry(client: TcpStream, server: u16, mut line: watch::Receiver<Line>, breaks: u64) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, line.clone()) => {}
        () = pump(from_server, to_client, line.clone()) => {}
        _ = line.wait_for(|line| line.breaks != breaks) => {}
    }
}

/// Carries one direction until an end has closed.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let delay = line.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if line.wait_for(|line| !line.is_silent).await.is_err() || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
