//! An example as a process that goes on.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

/// Nothing here waits for time to pass; this ends a test that waits for what does not come.
pub(crate) const WATCHDOG: Duration = Duration::from_mins(1);

/// The example, and the lines that it prints.
pub(crate) struct Process {
    pub(crate) child: Child,
    lines: Receiver<String>,
    /// Lines that nobody has waited for yet.
    unread: Vec<String>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the example runs");
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
