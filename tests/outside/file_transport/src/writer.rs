//! The thread that writes the file.

use std::{
    fs::File,
    io::Write,
    sync::{Arc, Mutex, OnceLock, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::SystemTime,
};

use eventbus::transport::{TransportHealth, TransportReports};

/// Called with the result once a text is on disk.
pub(crate) type Then = Box<dyn FnOnce(Result<(), String>) + Send>;

#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` once it is dropped.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    seen: Arc<Seen>,
}

struct Job {
    text: Vec<u8>,
    then: Option<Then>,
}

/// What the writer has seen.
#[derive(Default, Debug)]
struct Seen {
    reports: OnceLock<TransportReports>,
    health: Mutex<(Option<SystemTime>, Option<String>)>,
}

impl Writer {
    pub(crate) fn start(mut file: File) -> Self {
        let (jobs, todo) = mpsc::channel::<Job>();
        let seen = Arc::<Seen>::default();
        let own = Arc::clone(&seen);
        // It ends with its sender.
        let thread = thread::spawn(move || {
            let mut has_failed = false;
            while let Ok(first) = todo.recv() {
                // What waits is written together.
                let mut batch: Vec<_> = std::iter::once(first).chain(todo.try_iter()).collect();
                // After an error half a line may be there, which ends here.
                let end = has_failed.then_some(b'\n');
                let texts = batch.iter_mut().flat_map(|job| std::mem::take(&mut job.text));
                let text: Vec<_> = end.into_iter().chain(texts).collect();
                let result = file.write_all(&text).and_then(|()| file.sync_data()).map_err(|error| error.to_string());
                has_failed = result.is_err();
                own.note(&result);
                for then in batch.into_iter().filter_map(|job| job.then) {
                    then(result.clone());
                }
            }
        });
        Self { jobs: Some(jobs), thread: Some(thread), seen }
    }

    pub(crate) fn attach(&self, reports: TransportReports) {
        let _ = self.seen.reports.set(reports);
    }

    /// Writes behind what was sent before.
    pub(crate) fn send(&self, text: Vec<u8>, then: Option<Then>) {
        if let Some(jobs) = &self.jobs {
            // It fails only after a panic of the thread; whoever waits sees that nobody answers.
            let _ = jobs.send(Job { text, then });
        }
    }

    pub(crate) fn health(&self) -> TransportHealth {
        let (progress, error) = self.seen.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut health = error.map_or_else(TransportHealth::connected, TransportHealth::disconnected);
        health.last_progress = progress;
        health
    }
}

impl Drop for Writer {
    /// The file is closed when this returns, so that it may be opened again.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != thread::current().id()) {
            let _ = thread.join();
        }
    }
}

impl Seen {
    fn note(&self, result: &Result<(), String>) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => *health = (Some(SystemTime::now()), None),
            Err(error) => {
                health.1 = Some(error.clone());
                if let Some(reports) = self.reports.get() {
                    reports.error(None, error.clone());
                }
            }
        }
    }
}
