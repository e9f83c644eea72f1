//! A process that reads from this one. When that ends, because this process has, it ends and removes what is named to it.

use std::{
    io,
    path::Path,
    process::{Child, Command, Stdio},
};

/// Ends another process, and removes a folder, if this process ends without a word: killed, or by an abort. Dropped, it does nothing.
#[derive(Debug)]
pub struct Watchdog(Child);

impl Watchdog {
    /// Watches over a process and a folder.
    ///
    /// # Errors
    ///
    /// If the shell does not start.
    pub fn new(process: Option<u32>, folder: Option<&Path>) -> io::Result<Self> {
        let script = "read -r _; [ -z \"$1\" ] || kill -9 \"$1\"; [ -z \"$2\" ] || rm -rf \"$2\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, "watchdog"]);
        command.arg(process.map(|id| id.to_string()).unwrap_or_default());
        command.arg(folder.unwrap_or(Path::new("")));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(Self)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
