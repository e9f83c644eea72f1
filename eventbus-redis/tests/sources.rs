//! Sources that read ahead, close, or are dropped in a read.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventbus::{
    Bus, Delivery, Event, Retry,
    transport::{Leased, LetterQuery, Read, Settlement, Source, Start, Transport},
};
use rig::{
    LEASE, LIMIT, Log, RedisServer, builder, done, group, join, kind, message, numbers, open, publish, read, settle,
    state, until,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

#[tokio::test]
async fn a_closed_source_gives_back_at_once_and_settles_on() {
    let server = RedisServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let first = join(&here, "group").await;
    publish(&here, 0..3).await;
    let mut leased = read(&first, 2).await;
    let second = join(&there, "group").await;
    // The third message is read ahead by a `next` that is dropped.
    let mut into = Vec::new();
    let third = read(&second, 1).await;
    assert!(settle(&second, third, Settlement::Release).await.is_empty());
    tokio::select! {
        biased;
        read = first.next(1, &mut into) => panic!("{read:?}"),
        () = std::future::ready(()) => {}
    }
    first.close().await.unwrap();
    first.close().await.unwrap();
    assert_eq!(first.next(1, &mut into).await.unwrap(), Read::Closed);
    let last = leased.pop().unwrap();
    assert!(settle(&first, vec![last], Settlement::Release).await.is_empty());
    let again = read(&second, 2).await;
    assert_eq!(numbers(&again), [1, 2]);
    done(&first, leased).await;
    done(&second, again).await;
    // Nothing is left of the consumer that has gone.
    until("one consumer is left", || async {
        server.cli(&["XINFO", "CONSUMERS", "events", "group"]).matches("name").count() == 1
    })
    .await;
}

#[tokio::test]
async fn what_a_source_has_read_ahead_reaches_another_one_within_100_ms_of_its_close() {
    let server = RedisServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let second = join(&there, "group").await;
    let mut best = Duration::MAX;
    // Another program may keep the machine busy for a while.
    for round in 0..20 {
        let first = join(&here, "group").await;
        let mut into = Vec::new();
        assert!(tokio::time::timeout(Duration::from_millis(20), first.next(1, &mut into)).await.is_err());
        publish(&here, round..round + 1).await;
        // It has been read ahead, since nobody asks for it.
        until("it is leased", || async { state(&here, "group").await.leased == Some(1) }).await;
        let closed = Instant::now();
        let (close, again) = tokio::join!(first.close(), read(&second, 1));
        close.unwrap();
        best = best.min(closed.elapsed());
        assert_eq!((numbers(&again), again[0].deliveries()), (vec![round], 1));
        done(&second, again).await;
        if best < Duration::from_millis(100) {
            return;
        }
    }
    panic!("it took {best:?} at best");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_has_been_served_reads_nothing_ahead() {
    let server = RedisServer::start();
    // What one of them hoards does not run out.
    let transport = builder(&server).lease(LIMIT * 4).connect().await.unwrap();
    let mut sources = Vec::new();
    for _ in 0..3 {
        sources.push(join(&transport, "group").await);
    }
    publish(&transport, 0..10).await;
    for round in 0..12 {
        let leased = read(&sources[round % 3], 10).await;
        assert!(settle(&sources[round % 3], leased, Settlement::Release).await.is_empty());
    }
}

#[tokio::test]
async fn a_dropped_next_loses_nothing() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    let mut into = Vec::new();
    assert!(tokio::time::timeout(Duration::from_millis(20), source.next(5, &mut into)).await.is_err());
    publish(&transport, 0..5).await;
    assert!(into.is_empty());
    // Though nobody asks, what it has leased does not run out.
    tokio::time::sleep(LEASE * 2).await;
    let leased = read(&source, 5).await;
    assert_eq!(numbers(&leased), [0, 1, 2, 3, 4]);
    assert!(leased.iter().all(|one| one.deliveries() == 1));
    done(&source, leased).await;
}

#[tokio::test]
async fn everything_may_be_called_after_close() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..1).await;
    let leased = read(&source, 1).await;
    assert!(transport.close(LIMIT).await.unwrap().is_empty());
    assert!(transport.close(LIMIT).await.unwrap().is_empty());
    assert_eq!(kind(&transport.publish(&[message(1)]).await[0]), "closed");
    assert!(transport.subscribe(group("group", Start::Oldest)).await.is_err());
    assert_eq!(state(&transport, "group").await.leased, Some(1));
    assert!(transport.remove_group("group").await.is_err());
    assert!(transport.dead_letters(LetterQuery::default()).await.is_err());
    assert_eq!(transport.health().await.is_connected, Some(false));
    assert_eq!(source.next(1, &mut Vec::new()).await.unwrap(), Read::Closed);
    done(&source, leased).await;
    source.close().await.unwrap();
}

#[tokio::test]
async fn a_group_that_asks_for_nothing_keeps_no_suspect_of_another_group() {
    const SUSPECTS: usize = 20;
    let server = RedisServer::start();
    let mut dead = Vec::new();
    for handle in [open(&server).await, open(&server).await] {
        let (idle, busy) = (join(&handle, "idle").await, join(&handle, "busy").await);
        if dead.is_empty() {
            publish(&handle, 0..SUSPECTS as u64).await;
        }
        dead.push((read(&idle, SUSPECTS).await, read(&busy, SUSPECTS).await, idle, busy, handle));
    }
    let here = open(&server).await;
    let (idle, busy) = (join(&here, "idle").await, join(&here, "busy").await);
    for round in 0..SUSPECTS as u64 / 2 {
        let suspect = next_of(&busy, true).await;
        let mut into = Vec::new();
        let wait = async { idle.next(1, &mut into).await.unwrap() };
        // While it waits for its turn, a new message comes: with that it has what it asked for.
        let end = async {
            until("it waits", || async { server.cli(&["CLIENT", "LIST"]).contains("flags=b") }).await;
            done(&busy, suspect).await;
            publish(&here, 100 + round..101 + round).await;
        };
        tokio::join!(wait, end);
        let has_new = into[0].deliveries() == 1;
        if !has_new {
            done(&idle, into.split_off(0)).await;
        }
        let again = next_of(&busy, true).await;
        if !has_new {
            into = next_of(&idle, false).await;
        }
        done(&idle, into).await;
        done(&busy, again).await;
    }
}

/// Publishes one message that runs out twice in both groups. Until the result is dropped nobody has closed a source.
async fn suspect_of_each(server: &RedisServer, groups: [&str; 2]) -> impl Sized {
    let mut dead = Vec::new();
    for handle in [open(server).await, open(server).await] {
        let (one, other) = (join(&handle, groups[0]).await, join(&handle, groups[1]).await);
        if dead.is_empty() {
            publish(&handle, 0..1).await;
        }
        dead.push((read(&one, 1).await, read(&other, 1).await, one, other, handle));
    }
    dead
}

#[tokio::test]
async fn a_suspect_that_nobody_takes_is_given_back() {
    let server = RedisServer::start();
    let _dead = suspect_of_each(&server, ["given up", "busy"]).await;
    let here = open(&server).await;
    let source = join(&here, "given up").await;
    let given_up = tokio::time::timeout(Duration::from_millis(1), source.next(1, &mut Vec::new())).await;
    assert!(given_up.is_err(), "it has not run out yet");
    let is_claimed = || async {
        let pending = server.cli(&["XPENDING", "events", "given up", "-", "+", "1"]);
        pending.is_empty() || pending.ends_with('3')
    };
    until("its reader has it, or had it", is_claimed).await;
    let busy = join(&here, "busy").await;
    let suspect = tokio::time::timeout(LIMIT, next_of(&busy, true)).await.expect("the other one is given back");
    done(&busy, suspect).await;
    let again = next_of(&source, true).await;
    done(&source, again).await;
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "note.taken", serde)]
struct Note(u64);

#[tokio::test]
async fn a_group_that_is_paused_keeps_no_suspect_of_another_group() {
    let server = RedisServer::start();
    let _dead = suspect_of_each(&server, ["paused", "busy"]).await;
    let here = Arc::new(open(&server).await);
    let bus = Bus::builder().transport(Arc::clone(&here)).on_failure(|_| {}).build();
    let (attempts, gate) = (Log::default(), Arc::new(Semaphore::new(0)));
    let (log, opened) = (attempts.clone(), Arc::clone(&gate));
    let fails_once = move |_: Arc<Note>, delivery: Delivery| {
        log.add(delivery.attempt());
        let opened = Arc::clone(&opened);
        async move {
            drop(opened.acquire().await);
            if delivery.attempt() == 1 { Err("not yet") } else { Ok(()) }
        }
    };
    let consumer = bus.consumer("paused").handle(fails_once).retry(Retry::fixed(LEASE)).start().await.unwrap();
    until("it is tried", || async { attempts.all() == [1] }).await;
    consumer.pause();
    gate.add_permits(1);
    let busy = join(&here, "busy").await;
    let suspect = tokio::time::timeout(LIMIT, next_of(&busy, true)).await.expect("the other one is given back");
    done(&busy, suspect).await;
    consumer.resume();
    until("it is tried again", || async { attempts.all() == [1, 2] }).await;
}

/// Reads and settles until a message comes that has run out twice, or is new.
async fn next_of(source: &Arc<dyn Source>, is_suspect: bool) -> Vec<Leased> {
    loop {
        let one = read(source, 1).await;
        if (one[0].deliveries() > 2) == is_suspect {
            return one;
        }
        done(source, one).await;
    }
}
