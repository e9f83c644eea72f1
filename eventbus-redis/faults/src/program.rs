//! A program that runs, until it ends or is killed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use redis_test_server::Watchdog;

/// A process. Dropped, it is killed; and so it is if this process ends without a word.
#[derive(Debug)]
pub struct Program {
    process: Child,
    watchdog: Option<Watchdog>,
    stderr: PathBuf,
}

impl Program {
    /// Starts a program; what it says goes to a file beside its ledger.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start(path: &str, ledger: &Path, options: &[String]) -> Self {
        let stderr = ledger.with_extension("stderr");
        let said = File::create(&stderr).expect("the folder should be writable");
        let mut command = Command::new(path);
        command.arg(format!("ledger={}", ledger.display())).args(options);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let process = command.spawn().expect("the program should start");
        let watchdog = Watchdog::new(Some(process.id()), None).expect("the watchdog should start");
        Self { process, watchdog: Some(watchdog), stderr }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal, by its name: `TERM`, `STOP`, `CONT`.
    ///
    /// # Panics
    ///
    /// If it cannot be sent.
    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "kill", name, &id]).status();
        assert!(status.is_ok_and(|status| status.success()), "the signal {name} cannot be sent");
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        // The watchdog first: it must not kill another process that gets the same number.
        drop(self.watchdog.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// How it has ended, if it has.
    ///
    /// # Panics
    ///
    /// If the system does not tell.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.process.try_wait().expect("a child can be waited for");
        if status.is_some() {
            drop(self.watchdog.take());
        }
        status
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    ///
    /// If it has not ended in time, with what it has said.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(start.elapsed() < limit, "the program has not ended in {limit:?}; it said: {}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it has written to stderr.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap_or_default()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
