//! What the conformance suite needs of Redis: a server of its own, a stream for each storage, a line for each handle.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use eventbus::{
    BoxError, Bus,
    transport::{Answer, BoxFuture, Message, Transport},
};
use eventbus_conformance::{Limits, Rig, Trouble, properties};
use eventbus_redis::RedisStreams;
use redis_test_server::{Proxy, RedisServer};

const PASSWORD: &str = "canary-password-of-the-rig";

/// The properties that restart the server: their storages have one of their own.
const RESTARTS: &[&str] = &["a_restart_loses_nothing_that_was_taken"];

type Server = Arc<Mutex<RedisServer>>;

pub(crate) struct Redis {
    shared: Server,
    partitions: u16,
    storages: Mutex<HashMap<String, Storage>>,
}

struct Storage {
    server: Server,
    is_cut: bool,
    /// Each handle has a line of its own, so that it alone can die.
    handles: Vec<(Weak<dyn Transport>, Proxy)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server that has on disk what it has answered.
fn start() -> Server {
    let durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--requirepass", PASSWORD];
    Arc::new(Mutex::new(RedisServer::with(&durable)))
}

impl Redis {
    pub(crate) fn new(partitions: u16) -> Self {
        for name in RESTARTS {
            assert!(properties().any(|property| property.name == *name), "there is no property `{name}`");
        }
        Self { shared: start(), partitions, storages: Mutex::default() }
    }

    /// The server of a storage, and a line to it.
    fn line(&self, name: &str) -> (String, Proxy) {
        let mut storages = lock(&self.storages);
        let storage = storages.entry(name.to_owned()).or_insert_with(|| {
            let is_restarted = RESTARTS.iter().any(|property| name.starts_with(property));
            let server = if is_restarted { start() } else { Arc::clone(&self.shared) };
            Storage { server, is_cut: false, handles: Vec::new() }
        });
        let server = lock(&storage.server);
        let line = Proxy::to(server.port());
        if storage.is_cut {
            line.cut();
        }
        (server.at(line.port()).url(), line)
    }

    fn with<T>(&self, name: &str, work: impl FnOnce(&mut Storage) -> T) -> Result<T, BoxError> {
        let mut storages = lock(&self.storages);
        Ok(work(storages.get_mut(name).ok_or("the storage is not open")?))
    }

    fn make(&self, storage: &str, trouble: Trouble<'_>) -> Result<(), BoxError> {
        match trouble {
            Trouble::Cut => self.with(storage, |storage| {
                storage.is_cut = true;
                storage.handles.iter().for_each(|(_, line)| line.cut());
            }),
            Trouble::Mend => self.with(storage, |storage| {
                storage.is_cut = false;
                storage.handles.iter().for_each(|(_, line)| line.mend());
            }),
            Trouble::LoseGroup(group) => {
                let answer =
                    self.with(storage, |found| lock(&found.server).cli(&["XGROUP", "DESTROY", storage, group]))?;
                if answer == "1" { Ok(()) } else { Err(format!("the group was not there: {answer}").into()) }
            }
            Trouble::Write(bytes) => self
                .with(storage, |found| {
                    lock(&found.server).cli_bytes(&[b"XADD", storage.as_bytes(), b"*", b"data", bytes])
                })
                .map(drop),
            other => Err(format!("unknown trouble: {other:?}").into()),
        }
    }
}

impl Rig for Redis {
    fn open<'a>(&'a self, storage: &'a str) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async move {
            let (url, line) = self.line(storage);
            let builder = RedisStreams::builder(&url).stream(storage).partitions(self.partitions);
            let limit = Duration::from_secs(5);
            let builder = builder.lease(Duration::from_secs(3)).answer_timeout(limit).connect_timeout(limit);
            let transport: Arc<dyn Transport> = Arc::new(builder.connect().await?);
            self.with(storage, |storage| {
                storage.handles.retain(|(handle, _)| handle.strong_count() > 0);
                storage.handles.push((Arc::downgrade(&transport), line));
            })?;
            Ok(transport)
        })
    }

    fn limits(&self) -> Limits {
        Limits::default().with_patience(Duration::from_secs(20)).with_quiet(Duration::from_millis(250))
    }

    fn shares(&self) -> bool {
        true
    }

    fn kill<'a>(&'a self, storage: &'a str, process: Arc<dyn Transport>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let _ = self.with(storage, |storage| {
                let is_dead = |handle: &Weak<dyn Transport>| std::ptr::addr_eq(handle.as_ptr(), Arc::as_ptr(&process));
                storage.handles.iter().filter(|(handle, _)| is_dead(handle)).for_each(|(_, line)| line.cut());
                // With its line, so that nothing mends it.
                storage.handles.retain(|(handle, _)| !is_dead(handle));
            });
            drop(process);
        })
    }

    fn trouble<'a>(&'a self, storage: &'a str, trouble: Trouble<'a>) -> Option<BoxFuture<'a, Result<(), BoxError>>> {
        if trouble != Trouble::Restart {
            return Some(Box::pin(async move { self.make(storage, trouble) }));
        }
        Some(Box::pin(async move {
            let server = self.with(storage, |storage| Arc::clone(&storage.server))?;
            if Arc::ptr_eq(&server, &self.shared) {
                return Err("other properties use this server; add this one to `RESTARTS`".into());
            }
            Ok(tokio::task::spawn_blocking(move || lock(&server).restart()).await?)
        }))
    }

    fn refused(&self) -> Option<Message> {
        let bus = Bus::builder().max_payload(2 * Message::MAX_DATA).build();
        let text = "x".repeat(Message::MAX_DATA);
        let event = format!("{{\"text\":\"{text}\"}}");
        bus.publish_json("too.large", &*event).ok()?.into_message()
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }

    fn clear<'a>(&'a self, storage: &'a str) -> BoxFuture<'a, ()> {
        const SCRIPT: &str = "for _, key in ipairs(redis.call('KEYS', '{' .. ARGV[1] .. '}:*')) do redis.call('DEL', key) end \
                              return redis.call('DEL', ARGV[1])";
        Box::pin(async move {
            if let Some(closed) = lock(&self.storages).remove(storage) {
                lock(&closed.server).cli(&["EVAL", SCRIPT, "0", storage]);
            }
        })
    }
}
