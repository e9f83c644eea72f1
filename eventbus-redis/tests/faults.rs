//! What happens when the server, the network, a process or an operator does something.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use eventbus::transport::{Read, Refusal, Settlement, Start, Transport};
use eventbus_redis::RedisStreams;
use redis_test_server::Proxy;
use rig::{
    LEASE, LIMIT, RedisServer, builder, dead, done, group, join, kind, letters, message, next_error, numbers, open,
    publish, publish_on, read, read_on, settle, state, until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed_during_publishes() {
    let mut server = RedisServer::durable();
    let transport = Arc::new(open(&server).await);
    let stop = Arc::new(AtomicBool::new(false));
    let publisher = |of: u64| {
        let (transport, stop) = (Arc::clone(&transport), Arc::clone(&stop));
        tokio::spawn(async move {
            let (mut acknowledged, mut failed, mut unknown) = (Vec::new(), Vec::new(), 0_u64);
            let mut next = of * 1_000_000;
            while !stop.load(Ordering::Relaxed) {
                let range = next..next + 20;
                next += 20;
                let batch: Vec<_> = range.clone().map(message).collect();
                for (number, result) in range.zip(transport.publish(&batch).await) {
                    match result {
                        Ok(()) => acknowledged.push(number),
                        Err(Refusal::Failed(_)) => failed.push(number),
                        Err(Refusal::Unknown(_)) => unknown += 1,
                        Err(other) => panic!("{other:?}"),
                    }
                }
                tokio::task::yield_now().await;
            }
            (acknowledged, failed, unknown)
        })
    };
    let publishers: Vec<_> = (0..3).map(publisher).collect();
    for _ in 0..2 {
        // A while after the stream has begun to grow.
        let length: u64 = server.cli(&["XLEN", "events"]).parse().unwrap();
        until("more is published", || async { server.cli(&["XLEN", "events"]).parse::<u64>().unwrap() > length + 500 })
            .await;
        server.kill();
        // Something is refused, and nothing is there that was.
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.restart();
        let restarted = Instant::now();
        until("publishing goes on", || async {
            let results = transport.publish(&[message(9_999_999)]).await;
            results[0].is_ok()
        })
        .await;
        assert!(restarted.elapsed() < Duration::from_secs(5));
    }
    stop.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut failed, mut unknown) = (Vec::new(), Vec::new(), 0);
    for publisher in publishers {
        let (ok, refused, unanswered) = publisher.await.unwrap();
        acknowledged.extend(ok);
        failed.extend(refused);
        unknown += unanswered;
    }
    assert!(acknowledged.len() > 1000 && unknown > 0, "{} {unknown}", acknowledged.len());
    let count = server.cli(&["XLEN", "events"]).parse().unwrap();
    let source = join(&transport, "group").await;
    let there: HashSet<_> = read_on(&source, count).await.into_iter().collect();
    let lost: Vec<_> = acknowledged.iter().filter(|number| !there.contains(number)).collect();
    assert!(lost.is_empty(), "{} acknowledged messages are lost", lost.len());
    let failed: Vec<_> = failed.iter().filter(|number| there.contains(number)).collect();
    assert!(failed.is_empty(), "{} messages are there that have failed", failed.len());
}

#[tokio::test]
async fn reading_and_settling_go_on_when_the_server_comes_back() {
    let mut server = RedisServer::durable();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..3).await;
    let leased = read(&source, 2).await;
    server.kill();
    next_error(&source).await;
    let health = transport.health().await;
    assert_eq!(health.is_connected, Some(false));
    assert!(health.last_error.is_some() && health.last_progress.is_some());
    server.restart();
    done(&source, leased).await;
    let rest = read_on(&source, 1).await;
    assert_eq!(rest, [2]);
    assert_eq!(transport.health().await.is_connected, Some(true));
    assert_eq!(state(&transport, "group").await.leased, Some(0));
}

#[tokio::test]
async fn delayed_messages_survive_a_restart() {
    let mut server = RedisServer::durable();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    let at = std::time::SystemTime::now() + Duration::from_millis(400);
    transport.publish(&[message(7).with_not_before(at)]).await.pop().unwrap().unwrap();
    publish(&transport, 0..1).await;
    let leased = read(&source, 1).await;
    let after = Duration::from_millis(400);
    assert!(settle(&source, leased, Settlement::Again { after }).await.is_empty());
    server.restart();
    let mut came = read_on(&source, 2).await;
    came.sort_unstable();
    assert_eq!(came, [0, 7]);
}

#[tokio::test]
async fn a_killed_reader_connection_loses_nothing_and_recovers_at_once() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..1).await;
    let first = read(&source, 1).await;
    for round in 1..4 {
        // It is in the middle of a read.
        let mut into = Vec::new();
        assert!(tokio::time::timeout(Duration::from_millis(20), source.next(5, &mut into)).await.is_err());
        server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        publish_on(&transport, round).await;
        assert_eq!(read_on(&source, 1).await, [round]);
    }
    // What is held by a handler meanwhile is not handed out again.
    done(&source, first).await;
    assert_eq!(state(&transport, "group").await.leased, Some(0));
}

#[tokio::test]
async fn entries_of_a_lost_answer_are_found_without_waiting_for_the_lease() {
    let server = RedisServer::start();
    let transport = builder(&server).lease(LIMIT * 10).connect().await.unwrap();
    let source = join(&transport, "group").await;
    publish(&transport, 0..1).await;
    let held = read(&source, 1).await;
    publish(&transport, 1..3).await;
    // As if the answer had been lost on its way: the server has handed them out to this consumer, who has not seen them.
    let consumers = server.cli(&["XINFO", "CONSUMERS", "events", "group"]);
    let consumer = consumers.split(' ').find(|word| word.starts_with("eventbus-")).unwrap();
    server.cli(&["XREADGROUP", "GROUP", "group", consumer, "COUNT", "10", "STREAMS", "events", ">"]);
    // Nobody has them, so they wait: a drain goes on.
    let waiting = state(&transport, "group").await;
    assert_eq!((waiting.depth, waiting.leased), (Some(2), Some(3)));
    let mut into = Vec::new();
    assert!(tokio::time::timeout(Duration::from_millis(20), source.next(5, &mut into)).await.is_err());
    server.cli(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    assert_eq!(read_on(&source, 2).await, [1, 2]);
    done(&source, held).await;
    let waiting = state(&transport, "group").await;
    assert_eq!((waiting.depth, waiting.leased), (Some(0), Some(0)));
}

#[tokio::test]
async fn leases_of_a_process_that_has_died_come_to_another_one_after_the_lease() {
    let server = RedisServer::start();
    let alive = open(&server).await;
    let source = join(&alive, "group").await;
    // A runtime that ends takes its tasks and connections with it, as a process does: nothing is given back.
    let url = server.url();
    let died = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let transport = RedisStreams::builder(&url).lease(LEASE).connect().await.unwrap();
            let source = transport.subscribe(group("group", Start::Oldest)).await.unwrap();
            publish(&transport, 0..5).await;
            let leased = read(&source, 5).await;
            std::mem::forget((transport, source, leased));
        });
        runtime.shutdown_background();
        Instant::now()
    });
    let died = tokio::task::spawn_blocking(move || died.join().unwrap()).await.unwrap();
    let leased = read(&source, 5).await;
    // A search each quarter of a lease, and what the machine is late by.
    assert!(died.elapsed() < LEASE * 2 + Duration::from_secs(1), "it took {:?}", died.elapsed());
    assert_eq!(numbers(&leased), [0, 1, 2, 3, 4]);
    assert!(leased.iter().all(|one| one.deliveries() == 2));
    done(&source, leased).await;
}

#[tokio::test]
async fn a_group_that_has_vanished_is_made_again_and_told_once() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..2).await;
    assert_eq!(read_on(&source, 2).await, [0, 1]);
    for (number, command) in
        [(2, &["FLUSHALL"][..]), (3, &["XGROUP", "DESTROY", "events", "group"]), (4, &["DEL", "events"])]
    {
        server.cli(command);
        let error = next_error(&source).await;
        assert!(error.contains("had vanished"), "{error}");
        publish(&transport, number..number + 1).await;
        // From where it has begun: what it has handled comes again, what it has not is not lost.
        let expected = if number == 3 { vec![2, 3] } else { vec![number] };
        // An error would end the test here.
        let leased = read(&source, expected.len()).await;
        assert_eq!(numbers(&leased), expected);
        done(&source, leased).await;
    }
    assert_eq!(state(&transport, "group").await.depth, Some(0));
}

#[tokio::test]
async fn a_key_of_another_type_is_an_error_of_each_call() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    server.cli(&["DEL", "events"]);
    server.cli(&["SET", "events", "a string"]);
    let results = transport.publish(&[message(1), message(2)]).await;
    assert_eq!(results.iter().map(kind).collect::<Vec<_>>(), ["failed", "failed"]);
    let error = next_error(&source).await;
    assert!(error.contains("WRONGTYPE"), "{error}");
    assert!(transport.groups().await.is_err());
    assert!(transport.subscribe(group("other", Start::Oldest)).await.is_err());
    server.cli(&["DEL", "events"]);
    next_error(&source).await;
    publish(&transport, 3..4).await;
    assert_eq!(read_on(&source, 1).await, [3]);
}

#[tokio::test]
async fn a_server_without_memory_refuses_messages_and_loses_no_lease() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..3).await;
    let mut leased = read(&source, 3).await;
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let results = transport.publish(&[message(9)]).await;
    assert_eq!(kind(&results[0]), "failed", "{results:?}");
    // What is handled can still be settled; what needs room stays leased.
    done(&source, vec![leased.remove(0)]).await;
    let unsettled = settle(&source, vec![leased.remove(0)], dead("no")).await;
    assert!(unsettled.len() == 1 && !unsettled[0].is_lost, "{unsettled:?}");
    let released = settle(&source, leased, Settlement::Release).await;
    assert!(released.len() == 1 && !released[0].is_lost, "{released:?}");
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    publish(&transport, 3..4).await;
    let buried = unsettled.into_iter().map(|one| one.leased).collect();
    assert!(settle(&source, buried, dead("no")).await.is_empty());
    assert_eq!(letters(&transport).await.letters.len(), 1);
    let back = released.into_iter().map(|one| one.leased).collect();
    assert!(settle(&source, back, Settlement::Release).await.is_empty());
    assert_eq!(read_on(&source, 2).await, [2, 3]);
}

#[tokio::test]
async fn twenty_sources_open_one_group_at_once() {
    let server = RedisServer::start();
    let transport = Arc::new(open(&server).await);
    let opening = (0..20).map(|_| {
        let transport = Arc::clone(&transport);
        tokio::spawn(async move { join(&transport, "group").await })
    });
    let mut sources = Vec::new();
    for opening in opening.collect::<Vec<_>>() {
        sources.push(opening.await.unwrap());
    }
    publish(&transport, 0..200).await;
    let mut all = Vec::new();
    for source in &sources {
        let leased = read(source, 10).await;
        all.extend(numbers(&leased));
        done(source, leased).await;
    }
    all.sort_unstable();
    assert_eq!(all, (0..200).collect::<Vec<_>>());
    let closing = Instant::now();
    let mut into = Vec::new();
    for source in &sources {
        source.close().await.unwrap();
        assert_eq!(source.next(1, &mut into).await.unwrap(), Read::Closed);
    }
    assert!(closing.elapsed() < Duration::from_secs(5), "{:?}", closing.elapsed());
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_loaded_again() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..2).await;
    let leased = read(&source, 2).await;
    server.cli(&["SCRIPT", "FLUSH"]);
    assert!(settle(&source, leased, Settlement::Release).await.is_empty());
    server.cli(&["SCRIPT", "FLUSH"]);
    assert_eq!(read_on(&source, 2).await, [0, 1]);
    let at = std::time::SystemTime::now();
    server.cli(&["SCRIPT", "FLUSH"]);
    transport.publish(&[message(2).with_not_before(at), message(3)]).await.into_iter().for_each(Result::unwrap);
    let mut rest = read_on(&source, 2).await;
    rest.sort_unstable();
    assert_eq!(rest, [2, 3]);
}

#[tokio::test]
async fn a_redelivery_queue_that_cannot_be_read_holds_up_no_new_entries() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    let mut into = Vec::new();
    assert!(tokio::time::timeout(Duration::from_millis(50), source.next(5, &mut into)).await.is_err());
    // In one step, so that one answer holds the entry and the call to look at the queue.
    let queue = "{events}:group:group:queue";
    let script = "redis.call('SET', KEYS[1], '') redis.call('XADD', KEYS[2], '*', 'w', '1') \
                  redis.call('XADD', KEYS[3], '*', 'type', 'note.taken', 'data', '5')";
    server.cli(&["EVAL", script, "3", queue, "{events}:group:group:wake", "events"]);
    let error = next_error(&source).await;
    assert!(error.contains("WRONGTYPE"), "{error}");
    server.cli(&["DEL", queue]);
    let leased = read(&source, 1).await;
    assert_eq!((numbers(&leased), leased[0].deliveries()), (vec![5], 1));
    done(&source, leased).await;
    publish(&transport, 6..7).await;
    assert_eq!(read_on(&source, 1).await, [6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transports_that_lose_the_server_together_do_not_come_back_together() {
    const ATTEMPT: usize = 5;
    let server = RedisServer::start();
    let mut lines = Vec::new();
    for _ in 0..12 {
        let line = Proxy::to(server.port());
        let transport = RedisStreams::builder(&server.at(line.port()).url()).connect().await.unwrap();
        lines.push((line, transport));
    }
    let cut = Instant::now();
    for (line, _) in &lines {
        line.cut();
    }
    let since = |line: &Proxy| line.attempts().into_iter().filter(|at| *at > cut).collect::<Vec<_>>();
    let tries = lines.iter().map(|(line, transport)| async move {
        while since(line).len() < ATTEMPT {
            let _ = transport.publish(&[message(1)]).await;
        }
        since(line)[ATTEMPT - 1].duration_since(cut)
    });
    let took = tokio::time::timeout(LIMIT, futures_util::future::join_all(tries)).await.unwrap();
    let (first, last) = (took.iter().min().unwrap(), took.iter().max().unwrap());
    // Pauses of 50, 100, 200 and 400 ms, each between its half and its whole.
    assert!(*first >= Duration::from_millis(375), "they do not pause: {took:?}");
    assert!(last.saturating_sub(*first) > Duration::from_millis(60), "they come at the same moments: {took:?}");
}
