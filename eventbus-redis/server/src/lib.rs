//! A Redis server for a test: on a free port, with a directory of its own, stopped and removed when it is dropped. And a line to it
//! that can be cut.
//!
//! The server is the `redis-server` on the path, or the program that the variable `REDIS_SERVER` names: another version, or Valkey.
//!
//! ```
//! use redis_test_server::RedisServer;
//!
//! let server = RedisServer::start();
//! assert!(server.url().starts_with("redis://127.0.0.1:"));
//! assert_eq!(server.cli(&["PING"]), "PONG");
//! ```

#![forbid(unsafe_code)]

mod address;
mod proxy;
mod watchdog;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

pub use address::Address;
pub use proxy::Proxy;
pub use watchdog::Watchdog;

/// How long the server may take to start.
const START: Duration = Duration::from_secs(20);

/// How many ports are tried: another program may take one between the question and the start.
const PORTS: usize = 20;

/// A server that is running, unless it was killed.
#[derive(Debug)]
pub struct RedisServer {
    directory: PathBuf,
    port: u16,
    options: Vec<String>,
    process: Option<Child>,
    /// Kills the server if this process ends without a word.
    watchdog: Option<Watchdog>,
    password: Option<String>,
    /// The library in front of the server's own, which makes power cuts of kills.
    power_cut: Option<PathBuf>,
}

impl RedisServer {
    /// Starts a server that keeps nothing on disk.
    ///
    /// # Panics
    ///
    /// If there is no `redis-server`, or it does not start. The message says what to do.
    pub fn start() -> Self {
        Self::with(&["--save", "", "--appendonly", "no"])
    }

    /// Starts a server that writes each command to disk before it answers, so that a restart finds all of them.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn durable() -> Self {
        Self::with(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"])
    }

    /// Starts a server with these options, as `redis-server` gets them.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn with(options: &[&str]) -> Self {
        Self::started(options, false)
    }

    /// Starts a server that writes each command to disk, and for which [`kill`](Self::kill) is a power cut: what it has not
    /// synchronised by then is lost, as `appendfsync` (`always`, `everysec`, `no`) says. A `kill -9` alone loses nothing, since the
    /// system has what was written.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start); and if there is no C compiler (`cc`, which Rust needs to link), or this is not Linux.
    pub fn with_power_cuts(appendfsync: &str) -> Self {
        Self::started(&["--save", "", "--appendonly", "yes", "--appendfsync", appendfsync], true)
    }

    fn started(options: &[&str], has_power_cuts: bool) -> Self {
        let program = find_program();
        let password = options.windows(2).find(|pair| pair[0] == "--requirepass").map(|pair| pair[1].to_owned());
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let directory = new_directory();
        let power_cut = has_power_cuts.then(|| power_cut(&directory));
        let mut server = Self { directory, port: 0, options, process: None, watchdog: None, password, power_cut };
        let mut last = String::new();
        for _ in 0..PORTS {
            server.port = free_port();
            match server.run(&program) {
                Ok(()) => return server,
                Err(error) => last = error,
            }
        }
        panic!("`{}` does not start: {last}", program.display());
    }

    fn run(&mut self, program: &Path) -> Result<(), String> {
        let log = fs::File::create(self.directory.join("log")).map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--daemonize", "no"]);
        command.arg("--dir").arg(&self.directory).args(&self.options);
        if let Some(library) = &self.power_cut {
            command.env("LD_PRELOAD", library);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(|error| error.to_string())?).stderr(log);
        let mut process = command.spawn().map_err(|error| error.to_string())?;
        let start = Instant::now();
        loop {
            if let Ok(Some(status)) = process.try_wait() {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                return Err(format!("it has ended ({status}): {log}"));
            }
            if self.is_ready(process.id()) {
                self.watchdog =
                    Some(Watchdog::new(Some(process.id()), Some(&self.directory)).map_err(|error| error.to_string())?);
                self.process = Some(process);
                return Ok(());
            }
            if start.elapsed() > START {
                let _ = process.kill();
                let _ = process.wait();
                return Err("it does not answer".to_owned());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether this process answers on the port, and not the server of another program, which may have been faster.
    fn is_ready(&self, process: u32) -> bool {
        let ask = |command: &[&str]| self.at(self.port).ask(command).unwrap_or_default();
        let own = format!("process_id:{process}");
        // `LOADING` is an answer, too; it is over soon.
        ask(&["PING"]) == "PONG" && ask(&["INFO", "server"]).lines().any(|line| line == own)
    }

    /// The server's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's URL, with its password if it has one.
    pub fn url(&self) -> String {
        self.at(self.port).url()
    }

    /// The server by way of another port: that of a [`Proxy`].
    pub fn at(&self, port: u16) -> Address {
        Address { port, password: self.password.clone() }
    }

    /// Sends one command, and gives the answer as text: an array's items are separated by spaces, an error begins with `-`.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn cli(&self, command: &[&str]) -> String {
        self.at(self.port).cli(command)
    }

    /// The same with arguments that need not be text.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn cli_bytes(&self, command: &[&[u8]]) -> String {
        self.at(self.port).ask(command).expect("the server should answer")
    }

    /// Kills the server, as `kill -9` does. Its port and its directory stay.
    pub fn kill(&mut self) {
        // The watchdog first: it must not kill another process that gets the same number.
        drop(self.watchdog.take());
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts a killed server again, on the same port and with the same directory.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn restart(&mut self) {
        self.kill();
        let start = Instant::now();
        loop {
            match self.run(&find_program()) {
                Ok(()) => return,
                Err(error) => assert!(start.elapsed() < START, "the server does not start again: {error}"),
            }
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The program that was asked for, or the one on the path. If there is none it is installed, where that is allowed.
fn find_program() -> PathBuf {
    static INSTALL: std::sync::Once = std::sync::Once::new();
    if let Some(program) = std::env::var_os("REDIS_SERVER") {
        return program.into();
    }
    if let Some(program) = on_path() {
        return program;
    }
    INSTALL.call_once(install);
    on_path().expect(
        "these tests need the program `redis-server`, version 7.0 or later, on the PATH. On Debian and Ubuntu: \
         `apt-get install redis-server`; on macOS: `brew install redis`",
    )
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|program| program.is_file())
}

/// Debian's package, as root only, and without starting its service.
fn install() {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if !is_root {
        return;
    }
    for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", "redis-server"]] {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// Compiles the library that keeps back what is not synchronised.
fn power_cut(directory: &Path) -> PathBuf {
    let (source, library) = (directory.join("power_cut.c"), directory.join("power_cut.so"));
    fs::write(&source, include_str!("power_cut.c")).expect("the temporary directory should be writable");
    let mut compile = Command::new("cc");
    compile.args(["-shared", "-fPIC", "-O2", "-o"]).args([&library, &source]).args(["-ldl", "-lpthread"]);
    let compiled = compile.output().expect("power cuts need Linux and a C compiler, `cc`");
    assert!(compiled.status.success(), "`cc` says: {}", String::from_utf8_lossy(&compiled.stderr));
    library
}

fn new_directory() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("redis-test-server-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("the temporary directory should be writable");
    directory
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port should be free");
    listener.local_addr().expect("a listener has an address").port()
}

#[cfg(test)]
mod tests {
    use super::{RedisServer, find_program};

    #[test]
    fn the_server_of_another_program_on_the_port_is_not_taken_for_its_own() {
        let (other, mut own) = (RedisServer::start(), RedisServer::start());
        own.kill();
        own.port = other.port();
        let error = own.run(&find_program()).unwrap_err();
        assert!(error.contains("it has ended"), "{error}");
        assert_eq!(other.cli(&["PING"]), "PONG");
    }
}
