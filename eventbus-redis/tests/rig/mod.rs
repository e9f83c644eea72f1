//! What the tests share: a server for each test, transports over it, and messages.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use eventbus::transport::{
    GroupSpec, GroupState, Leased, LetterPage, LetterQuery, Message, Read, Refusal, Settlement, Source, Start,
    Transport, Unsettled,
};
use eventbus_redis::{RedisStreams, RedisStreamsBuilder};
pub(crate) use redis_test_server::RedisServer;

/// How long anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(15);

/// The lease of the tests.
pub(crate) const LEASE: Duration = Duration::from_millis(600);

/// A transport over the server, as a process of its own has it.
pub(crate) async fn open(server: &RedisServer) -> RedisStreams {
    builder(server).connect().await.unwrap()
}

pub(crate) fn builder(server: &RedisServer) -> RedisStreamsBuilder {
    RedisStreams::builder(&server.url()).lease(LEASE).answer_timeout(Duration::from_secs(3))
}

pub(crate) fn group(name: &str, start: Start) -> GroupSpec {
    let mut spec = GroupSpec::new(name);
    spec.start = start;
    spec
}

pub(crate) async fn join(transport: &RedisStreams, name: &str) -> Arc<dyn Source> {
    transport.subscribe(group(name, Start::Oldest)).await.unwrap()
}

/// A message that carries a number.
pub(crate) fn message(number: u64) -> Message {
    Message::from_attributes([("type", "note.taken")], number.to_string().into_bytes()).unwrap()
}

pub(crate) fn number(message: &Message) -> u64 {
    let data = message.data().unwrap();
    std::str::from_utf8(&data).unwrap().parse().unwrap()
}

pub(crate) fn numbers(leased: &[Leased]) -> Vec<u64> {
    leased.iter().map(|one| number(one.message())).collect()
}

pub(crate) async fn publish(transport: &RedisStreams, range: std::ops::Range<u64>) {
    for result in transport.publish(&range.map(message).collect::<Vec<_>>()).await {
        result.unwrap();
    }
}

/// Reads until there are so many, or the limit is over.
pub(crate) async fn read(source: &Arc<dyn Source>, count: usize) -> Vec<Leased> {
    let mut all = Vec::new();
    let start = Instant::now();
    while all.len() < count {
        let left = LIMIT.saturating_sub(start.elapsed());
        let want = count - all.len();
        let read = tokio::time::timeout(left, source.next(want, &mut all)).await;
        let read = read.unwrap_or_else(|_| panic!("{} of {count} came: {:?}", all.len(), numbers(&all)));
        assert_eq!(read.unwrap(), Read::Batch, "after {} of {count}", all.len());
    }
    all
}

/// Reads until an error comes; what was read before it is left leased.
pub(crate) async fn next_error(source: &Arc<dyn Source>) -> String {
    let mut into = Vec::new();
    let error = async {
        loop {
            if let Err(error) = source.next(10, &mut into).await {
                return error.to_string();
            }
        }
    };
    tokio::time::timeout(LIMIT, error).await.expect("an error should come")
}

/// Reads as the bus does: an error is followed by another try.
pub(crate) async fn read_on(source: &Arc<dyn Source>, count: usize) -> Vec<u64> {
    let mut into = Vec::new();
    let start = Instant::now();
    while into.len() < count {
        assert!(start.elapsed() < LIMIT, "{} of {count}", into.len());
        if tokio::time::timeout(LIMIT, source.next(count - into.len(), &mut into)).await.unwrap().is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let numbers = numbers(&into);
    done(source, into).await;
    numbers
}

/// Publishes although a connection is broken.
pub(crate) async fn publish_on(transport: &RedisStreams, number: u64) {
    until("it is published", || async { transport.publish(&[message(number)]).await[0].is_ok() }).await;
}

/// Whether nothing comes for a while. A read that was given up must lose nothing, so it is no harm.
pub(crate) async fn is_quiet(source: &Arc<dyn Source>, time: Duration) -> bool {
    let mut all = Vec::new();
    let _ = tokio::time::timeout(time, async {
        while all.is_empty() {
            source.next(1, &mut all).await.unwrap();
        }
    })
    .await;
    all.is_empty()
}

pub(crate) async fn settle(source: &Arc<dyn Source>, mut batch: Vec<Leased>, as_what: Settlement) -> Vec<Unsettled> {
    for leased in &mut batch {
        leased.settle_as(as_what.clone());
    }
    source.settle(batch).await
}

pub(crate) async fn done(source: &Arc<dyn Source>, batch: Vec<Leased>) {
    let left = settle(source, batch, Settlement::Done).await;
    assert!(left.is_empty(), "{left:?}");
}

pub(crate) fn dead(reason: &str) -> Settlement {
    Settlement::Dead { reason: reason.into() }
}

pub(crate) async fn state(transport: &RedisStreams, group: &str) -> GroupState {
    let groups = transport.groups().await.unwrap();
    groups.into_iter().find(|state| &*state.name == group).unwrap_or_else(|| panic!("there is no group {group}"))
}

pub(crate) async fn letters(transport: &RedisStreams) -> LetterPage {
    let mut query = LetterQuery::default();
    query.limit = 100;
    transport.dead_letters(query).await.unwrap()
}

/// Asks again and again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < LIMIT, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a refusal is.
pub(crate) fn kind(result: &Result<(), Refusal>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(Refusal::Failed(_)) => "failed",
        Err(Refusal::Unknown(_)) => "unknown",
        Err(Refusal::Closed) => "closed",
        Err(_) => "other",
    }
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Log<T> {
    pub(crate) fn add(&self, one: T) {
        self.0.lock().unwrap().push(one);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}
