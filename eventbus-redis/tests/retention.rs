//! Trimming: what is removed from a bounded stream before it was read, or while it is handled.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::time::{Duration, SystemTime};

use eventbus::transport::{Settlement, Start, Transport as _};
use rig::{
    RedisServer, builder, dead, done, group, join, letters, number, open, publish, read, read_on, settle, state, until,
};

#[tokio::test]
async fn what_was_trimmed_unread_is_counted() {
    let server = RedisServer::start();
    let transport = builder(&server).max_len(100).connect().await.unwrap();
    let source = join(&transport, "group").await;
    publish(&transport, 0..10).await;
    let leased = read(&source, 10).await;
    done(&source, leased).await;
    source.close().await.unwrap();
    publish(&transport, 10..450).await;
    publish(&transport, 450..900).await;
    let length: u64 = server.cli(&["XLEN", "events"]).parse().unwrap();
    assert!((100..=200).contains(&length), "{length}");
    let source = join(&transport, "group").await;
    let trimmed = 890 - length;
    until("they are counted", || async { state(&transport, "group").await.trimmed == Some(trimmed) }).await;
    let count = usize::try_from(length).unwrap();
    assert_eq!(read_on(&source, count).await, (900 - length..900).collect::<Vec<_>>());
    // Of what the server takes for unread nothing is left.
    until("nothing waits", || async { state(&transport, "group").await.depth == Some(0) }).await;
    assert_eq!(state(&transport, "group").await.trimmed, Some(trimmed));
}

#[tokio::test]
async fn what_was_trimmed_before_a_group_has_ever_read_is_counted_or_unknown() {
    let server = RedisServer::start();
    let transport = builder(&server).max_len(100).connect().await.unwrap();
    for source in [join(&transport, "oldest").await, transport.subscribe(group("now", Start::Now)).await.unwrap()] {
        source.close().await.unwrap();
    }
    publish(&transport, 0..450).await;
    // It begins where nothing of its own has been trimmed yet.
    join(&transport, "late").await.close().await.unwrap();
    // Among the entries: how many of its own will be trimmed cannot be told.
    let at = SystemTime::now();
    tokio::time::sleep(Duration::from_millis(3)).await;
    publish(&transport, 450..460).await;
    transport.subscribe(group("among", Start::At(at))).await.unwrap().close().await.unwrap();
    publish(&transport, 460..900).await;
    let length: u64 = server.cli(&["XLEN", "events"]).parse().unwrap();
    for (name, expected) in [("oldest", Some(900 - length)), ("now", Some(900 - length)), ("among", None)] {
        join(&transport, name).await.close().await.unwrap();
        let trimmed = state(&transport, name).await.trimmed;
        assert_eq!(trimmed, expected, "{name}, of 900 with {length} left");
    }
    join(&transport, "late").await.close().await.unwrap();
    let late = state(&transport, "late").await.trimmed.unwrap();
    assert!((1..900 - length).contains(&late), "{late} of its own");
}

#[tokio::test]
async fn a_message_that_is_trimmed_while_its_handler_runs_is_not_lost() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..3).await;
    let mut leased = read(&source, 3).await;
    server.cli(&["XTRIM", "events", "MAXLEN", "0"]);
    let ids = leased.iter().map(|one| one.lease().clone()).collect::<Vec<_>>();
    for _ in 0..3 {
        assert!(source.extend(ids.clone()).await.unwrap().is_empty());
    }
    done(&source, vec![leased.remove(0)]).await;
    assert!(settle(&source, vec![leased.remove(0)], dead("no")).await.is_empty());
    assert!(settle(&source, leased, Settlement::Release).await.is_empty());
    assert_eq!(read_on(&source, 1).await, [2]);
    assert_eq!(number(&letters(&transport).await.letters[0].message), 1);
}
