//! The transport keeps the contract, as far as one file for one process can.

#![forbid(unsafe_code)]

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use eventbus::transport::{Answer, BoxFuture, Message, Transport};
use eventbus_conformance::Rig;
use file_transport::FileTransport;

/// A folder with a file for each property.
struct Files(PathBuf);

impl Files {
    fn path(&self, storage: &str) -> PathBuf {
        self.0.join(format!("{storage}.jsonl"))
    }
}

impl Rig for Files {
    fn open<'a>(&'a self, storage: &'a str) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async move {
            let transport = FileTransport::open(self.path(storage))?;
            Ok(Arc::new(transport) as Arc<dyn Transport>)
        })
    }

    /// It dies within a line.
    fn kill<'a>(&'a self, storage: &'a str, process: Arc<dyn Transport>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            drop(process);
            let mut file = OpenOptions::new().append(true).open(self.path(storage)).expect("the file is there");
            // Tasks that held a source may end a little later, and the writer's thread with them.
            while file.try_lock().is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let written = file.write_all(b"{\"Done\":{\"group\"");
            written.expect("the file can be written");
        })
    }

    /// The file holds text.
    fn refused(&self) -> Option<Message> {
        Message::from_attributes([("type", "conformance.note")], vec![0xff]).ok()
    }

    fn clear<'a>(&'a self, storage: &'a str) -> BoxFuture<'a, ()> {
        let _ = fs::remove_file(self.path(storage));
        Box::pin(async {})
    }
}

fn main() -> ExitCode {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("conformance");
    fs::create_dir_all(&folder).expect("the folder can be made");
    eventbus_conformance::main(Files(folder))
}
