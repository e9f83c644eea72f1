//! Partitions: the order within a key, over several processes.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use eventbus::{
    Bus, Delivery, Event,
    transport::{GroupSpec, LetterEnd, Message, Read, Settlement, Start, Transport, TransportOrdering},
};
use eventbus_redis::{ConnectError, RedisStreams};
use rig::{
    LEASE, LIMIT, Log, RedisServer, builder, dead, done, group, letters, number, numbers, open, read, settle, state,
    until,
};
use serde::{Deserialize, Serialize};

const PARTITIONS: u16 = 4;

async fn partitioned(server: &RedisServer) -> RedisStreams {
    builder(server).partitions(PARTITIONS).connect().await.unwrap()
}

fn ordered(name: &str) -> GroupSpec {
    let mut spec = group(name, Start::Oldest);
    spec.ordering = TransportOrdering::Group;
    spec
}

fn keyed(key: &str, number: u64) -> Message {
    Message::from_attributes([("type", "note.taken"), ("partitionkey", key)], number.to_string().into_bytes()).unwrap()
}

async fn publish(transport: &RedisStreams, messages: impl IntoIterator<Item = (String, u64)>) {
    let batch: Vec<_> = messages.into_iter().map(|(key, number)| keyed(&key, number)).collect();
    for result in transport.publish(&batch).await {
        result.unwrap();
    }
}

/// How many partitions each consumer owns.
fn owners(server: &RedisServer, group: &str) -> Vec<usize> {
    let owners = server.cli(&["HVALS", &format!("{{events}}:group:{group}:owners")]);
    let mut counts = HashMap::<&str, usize>::new();
    for owner in owners.split(' ').filter(|owner| !owner.is_empty()) {
        *counts.entry(owner).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_values().collect();
    counts.sort_unstable();
    counts
}

/// Reads as a process does, until it is told to stop; then it gives back what it holds, and closes.
fn process(server: &RedisServer, log: &Log<(String, u64)>, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
    let (url, log, stop) = (server.url(), log.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        // No process dies here, however long this machine is busy with something else.
        let builder = RedisStreams::builder(&url).lease(LIMIT * 4).partitions(PARTITIONS);
        let transport = builder.connect().await.unwrap();
        let source = transport.subscribe(ordered("group")).await.unwrap();
        while !stop.load(Ordering::SeqCst) {
            let mut batch = Vec::new();
            let _ = tokio::time::timeout(Duration::from_millis(20), source.next(7, &mut batch)).await;
            let mut kept = Vec::new();
            for leased in batch {
                // The last ones of a process that stops are given back.
                if stop.load(Ordering::SeqCst) {
                    kept.push(leased);
                    continue;
                }
                log.add((leased.message().key().unwrap().to_owned(), number(leased.message())));
                done(&source, vec![leased]).await;
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            assert!(settle(&source, kept, Settlement::Release).await.is_empty());
        }
        source.close().await.unwrap();
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_within_a_key_is_kept_while_processes_come_and_go() {
    let server = RedisServer::start();
    let transport = partitioned(&server).await;
    assert_eq!(transport.capabilities().ordering, TransportOrdering::Group);
    let log = Log::default();
    let stops: Vec<_> = (0..4).map(|_| Arc::new(AtomicBool::new(false))).collect();
    let mut processes = vec![process(&server, &log, &stops[0]), process(&server, &log, &stops[1])];
    // How many read, after each round.
    let running = [2, 3, 2, 3, 2, 2];
    for (round, running) in running.into_iter().enumerate() {
        let first = round as u64 * 200;
        publish(&transport, (first..first + 200).map(|number| (format!("key-{}", number % 13), number))).await;
        match round {
            1 | 3 => processes.push(process(&server, &log, &stops[round / 2 + 2])),
            2 => stops[0].store(true, Ordering::SeqCst),
            4 => stops[1].store(true, Ordering::SeqCst),
            _ => {}
        }
        let shares = if running == 2 { vec![2, 2] } else { vec![1, 1, 2] };
        until("the partitions are shared", || async { owners(&server, "group") == shares }).await;
    }
    until("all are handled", || async { log.all().len() >= 1200 }).await;
    for stop in &stops {
        stop.store(true, Ordering::SeqCst);
    }
    for process in processes {
        process.await.unwrap();
    }
    let all = log.all();
    assert_eq!(all.len(), 1200, "each is handled once, as no process has died");
    let mut last = HashMap::new();
    for (key, number) in all {
        let before = last.insert(key.clone(), number);
        assert!(before.is_none_or(|before| before < number), "{key}: {number} came after {before:?}");
    }
    assert_eq!(state(&transport, "group").await.depth, Some(0));
}

#[tokio::test]
async fn partitions_are_shared_evenly_and_handed_over_without_waiting_for_the_lease() {
    let server = RedisServer::start();
    let open = || builder(&server).lease(LIMIT * 4).partitions(PARTITIONS).connect();
    let (here, there) = (open().await.unwrap(), open().await.unwrap());
    let first = here.subscribe(ordered("group")).await.unwrap();
    assert_eq!(owners(&server, "group"), [4]);
    let second = there.subscribe(ordered("group")).await.unwrap();
    // The one that is to give some up is reading, or is not.
    let mut into = Vec::new();
    assert!(tokio::time::timeout(Duration::from_millis(20), first.next(1, &mut into)).await.is_err());
    until("each has two", || async { owners(&server, "group") == [2, 2] }).await;

    publish(&here, (0..16).map(|at| (format!("key-{at}"), at))).await;
    let (mut held, mut others) = (Vec::new(), Vec::new());
    let begin = Instant::now();
    while held.len() + others.len() < 16 {
        assert!(begin.elapsed() < LIMIT, "{held:?} {others:?}");
        for (source, into) in [(&first, &mut held), (&second, &mut others)] {
            let _ = tokio::time::timeout(Duration::from_millis(20), source.next(16, into)).await;
        }
    }
    done(&second, others).await;
    let count = held.len();
    assert!((1..16).contains(&count), "each has some: {count}");
    first.close().await.unwrap();
    assert_eq!(owners(&server, "group").len(), 2, "what it holds is its own until it is settled");
    let mut order = numbers(&held);
    assert!(settle(&first, held, Settlement::Release).await.is_empty());
    until("the other one has all", || async { owners(&server, "group") == [4] }).await;
    let again = read(&second, count).await;
    let mut numbers = numbers(&again);
    numbers.sort_unstable();
    order.sort_unstable();
    assert_eq!(numbers, order);
    done(&second, again).await;
}

#[tokio::test]
async fn partitions_of_a_process_that_has_died_go_on_where_it_was() {
    let server = RedisServer::start();
    let url = server.url();
    let died = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let builder = RedisStreams::builder(&url).lease(LEASE).partitions(PARTITIONS);
            let transport = builder.connect().await.unwrap();
            let source = transport.subscribe(ordered("group")).await.unwrap();
            publish(&transport, (0..10).map(|at| ("one key".to_owned(), at))).await;
            let mut leased = read(&source, 8).await;
            // One that came again, one that is given back, one that is handled; the others are held by who dies.
            let again = vec![leased.remove(0), leased.remove(1)];
            assert!(settle(&source, again, Settlement::Release).await.is_empty());
            let again = read(&source, 1).await;
            assert_eq!(numbers(&again), [0]);
            done(&source, vec![leased.remove(0)]).await;
            std::mem::forget((transport, source, leased, again));
        });
        runtime.shutdown_background();
    });
    tokio::task::spawn_blocking(move || died.join().unwrap()).await.unwrap();
    let died = Instant::now();
    let transport = partitioned(&server).await;
    let source = transport.subscribe(ordered("group")).await.unwrap();
    let all = read(&source, 9).await;
    assert!(died.elapsed() < LEASE * 3, "it took {:?}", died.elapsed());
    assert_eq!(numbers(&all), [0, 2, 3, 4, 5, 6, 7, 8, 9], "1 was handled");
    let deliveries: Vec<_> = all.iter().map(eventbus::transport::Leased::deliveries).collect();
    assert_eq!(deliveries, [2, 1, 2, 2, 2, 2, 2, 1, 1], "what was given back was not tried");
    done(&source, all).await;
    assert_eq!(state(&transport, "group").await.leased, Some(0));
}

#[tokio::test]
async fn delays_and_dead_letters_stay_in_their_partition() {
    let server = RedisServer::start();
    let transport = partitioned(&server).await;
    let source = transport.subscribe(ordered("group")).await.unwrap();
    let at = std::time::SystemTime::now() + Duration::from_millis(100);
    let delayed = keyed("a", 1).with_not_before(at);
    transport.publish(&[delayed, rig::message(2)]).await.into_iter().for_each(Result::unwrap);
    let leased = read(&source, 2).await;
    assert_eq!(numbers(&leased), [2, 1]);
    assert!(settle(&source, leased, dead("no")).await.is_empty());
    let ids: Vec<_> = letters(&transport).await.letters.into_iter().map(|letter| letter.id).collect();
    let ends = transport.end_letters(&ids, LetterEnd::Replay).await;
    assert!(ends.iter().all(Result::is_ok), "{ends:?}");
    let again = read(&source, 2).await;
    let keys: HashSet<_> = again.iter().map(|one| (number(one.message()), one.message().key())).collect();
    assert_eq!(keys, HashSet::from([(1, Some("a")), (2, None)]));
    done(&source, again).await;
    transport.remove_group("group").await.unwrap();
    let mut into = Vec::new();
    while !matches!(source.next(1, &mut into).await, Ok(Read::Closed)) {}
    assert!(transport.groups().await.unwrap().is_empty());
    assert!(transport.remove_group("group").await.is_err());
    // Nor does the background task, which has looked meanwhile, leave anything behind.
    tokio::time::sleep(LEASE).await;
    assert_eq!(server.cli(&["KEYS", "{events}:group:group:[a-q]*"]), "");
}

#[tokio::test]
async fn programs_with_another_number_of_partitions_are_refused() {
    let server = RedisServer::start();
    partitioned(&server).await;
    partitioned(&server).await;
    for partitions in [0, 3] {
        let error = builder(&server).partitions(partitions).connect().await.unwrap_err();
        assert!(matches!(error, ConnectError::Partitions { noted: 4, .. }), "{error}");
    }
    // Another stream is another matter.
    builder(&server).stream("others").connect().await.unwrap();
    let plain = RedisServer::start();
    assert_eq!(open(&plain).await.capabilities().ordering, TransportOrdering::Process);
}

#[tokio::test]
async fn partitions_go_on_after_the_data_set_was_deleted() {
    let server = RedisServer::start();
    let transport = partitioned(&server).await;
    let source = transport.subscribe(ordered("group")).await.unwrap();
    publish(&transport, (0..8).map(|at| (format!("key-{at}"), at))).await;
    let leased = read(&source, 8).await;
    done(&source, leased).await;
    server.cli(&["FLUSHALL"]);
    let error = rig::next_error(&source).await;
    assert!(error.contains("had vanished"), "{error}");
    publish(&transport, (8..16).map(|at| (format!("key-{at}"), at))).await;
    let mut all = rig::read_on(&source, 8).await;
    all.sort_unstable();
    assert_eq!(all, (8..16).collect::<Vec<_>>());
}

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "account.changed", serde)]
struct AccountChanged {
    account: u64,
    number: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_with_keys_keep_the_order_over_processes() {
    let server = RedisServer::start();
    let log = Log::default();
    let mut buses = Vec::new();
    for _ in 0..3 {
        let bus = Bus::builder().transport(partitioned(&server).await).on_failure(|_| {}).build();
        let log = log.clone();
        let handle = move |change: Arc<AccountChanged>, _: Delivery| {
            log.add((change.account, change.number));
            std::future::ready(())
        };
        let consumer = bus.consumer("accounts").handle::<AccountChanged>(handle).workers(4);
        consumer.key::<AccountChanged>(|change| change.account).start().await.unwrap();
        buses.push(bus);
    }
    for number in 0..300 {
        let change = AccountChanged { account: number % 10, number };
        buses[0].publish(change).key((number % 10).to_string()).await.unwrap();
        if number == 150 {
            assert!(buses.pop().unwrap().shutdown(LIMIT).await.is_clean());
            // It has left by then: its process may end now.
            assert_eq!(server.cli(&["ZCARD", "{events}:group:accounts:members"]), "2");
        }
    }
    for bus in &buses {
        bus.drained(LIMIT).await.unwrap();
    }
    let mut last = HashMap::new();
    for (account, number) in log.all() {
        let before = last.insert(account, number);
        assert!(before.is_none_or(|before| before < number), "{account}: {number} came after {before:?}");
    }
    assert_eq!(log.all().len(), 300);
    for bus in buses {
        assert!(bus.shutdown(LIMIT).await.is_clean());
    }
}
