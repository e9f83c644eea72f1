//! The clauses of the contract, over a server.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use eventbus::transport::{LetterEnd, LetterQuery, Message, Read, Settlement, Source, Start, Transport};
use rig::{
    LEASE, LIMIT, RedisServer, dead, done, group, is_quiet, join, letters, message, number, numbers, open, publish,
    read, settle, state, until,
};

#[tokio::test]
async fn each_group_gets_each_message_in_order_with_its_attributes() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let (first, second) = (join(&transport, "first").await, join(&transport, "second").await);
    let attributes = [
        ("type", "note.taken.v2"),
        ("id", "0190a1b2-0000-7000-8000-000000000001"),
        ("source", "tests"),
        ("partitionkey", "a key"),
        ("causationid", "0190a1b2-0000-7000-8000-000000000002"),
        ("correlationid", "0190a1b2-0000-7000-8000-000000000003"),
        ("hops", "4"),
        ("time", "2026-11-25T10:00:00.250Z"),
    ];
    let sent = Message::from_attributes(attributes, b"{\"text\":\"\xc3\xa4\"}".to_vec()).unwrap();
    publish(&transport, 0..100).await;
    transport.publish(std::slice::from_ref(&sent)).await.pop().unwrap().unwrap();
    for source in [&first, &second] {
        let leased = read(source, 101).await;
        assert_eq!(numbers(&leased[..100]), (0..100).collect::<Vec<_>>());
        let message = leased[100].message();
        assert_eq!(message.attributes(), sent.attributes());
        assert_eq!(message.data().unwrap(), sent.data().unwrap());
        assert_eq!((leased[100].attempts(), leased[100].deliveries()), (0, 1));
        done(source, leased).await;
    }
    let state = state(&transport, "first").await;
    assert_eq!((state.depth, state.leased), (Some(0), Some(0)));
}

#[tokio::test]
async fn sources_of_one_group_share_its_messages() {
    let server = RedisServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let (first, second) = (join(&here, "group").await, join(&there, "group").await);
    publish(&here, 0..20).await;
    let (mut one, other) = (read(&first, 10).await, read(&second, 10).await);
    one.extend(other);
    let mut all = numbers(&one);
    all.sort_unstable();
    assert_eq!(all, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_group_begins_at_the_oldest_message_at_a_time_or_now() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    publish(&transport, 0..3).await;
    // By the server's clock, which gives the entries their times.
    let last = server.cli(&["XREVRANGE", "events", "+", "-", "COUNT", "1"]);
    let millis: u64 = last.split('-').next().unwrap().parse().unwrap();
    until("the next millisecond", || async {
        let time = server.cli(&["TIME"]);
        let (seconds, micros) = time.split_once(' ').unwrap();
        let now = seconds.parse::<u64>().unwrap() * 1000 + micros.parse::<u64>().unwrap() / 1000;
        now > millis
    })
    .await;
    publish(&transport, 3..6).await;
    let at = Start::At(SystemTime::UNIX_EPOCH + Duration::from_millis(millis + 1));
    let now = transport.subscribe(group("now", Start::Now)).await.unwrap();
    publish(&transport, 6..8).await;
    let oldest = transport.subscribe(group("oldest", Start::Oldest)).await.unwrap();
    let at = transport.subscribe(group("at", at)).await.unwrap();
    assert_eq!(numbers(&read(&oldest, 8).await), (0..8).collect::<Vec<_>>());
    assert_eq!(numbers(&read(&at, 5).await), (3..8).collect::<Vec<_>>());
    assert_eq!(numbers(&read(&now, 2).await), [6, 7]);
}

#[tokio::test]
async fn unwanted_messages_are_passed_over_and_counted() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let mut spec = group("group", Start::Oldest);
    spec.wants.all = false;
    spec.wants.types.push(("note.taken".into(), 1));
    let source = transport.subscribe(spec).await.unwrap();
    let other = Message::from_attributes([("type", "page.torn")], b"0".to_vec()).unwrap();
    let version = Message::from_attributes([("type", "note.taken.v2")], b"0".to_vec()).unwrap();
    for result in transport.publish(&[other.clone(), message(1), version, other, message(2)]).await {
        result.unwrap();
    }
    let leased = read(&source, 2).await;
    assert_eq!(numbers(&leased), [1, 2]);
    done(&source, leased).await;
    until("three are counted", || async { state(&transport, "group").await.skipped == 3 }).await;
    assert_eq!(state(&transport, "group").await.leased, Some(0));
}

#[tokio::test]
async fn what_is_given_back_comes_before_what_is_new_in_its_old_order() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..6).await;
    let mut leased = read(&source, 4).await;
    let later = leased.split_off(2);
    // The later ones first, in the wrong order.
    assert!(settle(&source, later.into_iter().rev().collect(), Settlement::Release).await.is_empty());
    assert!(settle(&source, leased, Settlement::Release).await.is_empty());
    let again = read(&source, 6).await;
    assert_eq!(numbers(&again), [0, 1, 2, 3, 4, 5]);
    assert_eq!(again.iter().map(eventbus::transport::Leased::deliveries).collect::<Vec<_>>(), [1; 6], "none was tried");
    // A second time, among those that were given back before.
    assert!(settle(&source, again, Settlement::Release).await.is_empty());
    let again = read(&source, 6).await;
    assert_eq!(numbers(&again), [0, 1, 2, 3, 4, 5]);
    assert_eq!(again.iter().map(eventbus::transport::Leased::deliveries).collect::<Vec<_>>(), [1; 6]);
    done(&source, again).await;
    assert!(is_quiet(&source, LEASE * 2).await);
}

#[tokio::test]
async fn attempts_are_kept_and_a_delay_is_never_early() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..2).await;
    let mut leased = read(&source, 2).await;
    let delayed = leased.pop().unwrap().with_attempts(3);
    let at_once = leased.pop().unwrap().with_attempts(2);
    let after = Duration::from_millis(300);
    let before = Instant::now();
    assert!(settle(&source, vec![at_once], Settlement::Again { after: Duration::ZERO }).await.is_empty());
    assert!(settle(&source, vec![delayed], Settlement::Again { after }).await.is_empty());
    let again = read(&source, 1).await;
    assert_eq!((number(again[0].message()), again[0].attempts(), again[0].deliveries()), (0, 2, 2));
    done(&source, again).await;
    let waiting = state(&transport, "group").await;
    assert_eq!((waiting.delayed, waiting.depth), (1, Some(0)));
    assert!(waiting.next_due.is_some());
    let again = read(&source, 1).await;
    assert!(before.elapsed() >= after, "it came after {:?}", before.elapsed());
    assert!(before.elapsed() < after + Duration::from_secs(1));
    assert_eq!((number(again[0].message()), again[0].attempts(), again[0].deliveries()), (1, 3, 2));
    done(&source, again).await;
}

#[tokio::test]
async fn a_delayed_message_comes_when_it_is_due_and_not_before() {
    let server = RedisServer::start();
    let (transport, other) = (open(&server).await, open(&server).await);
    let source = join(&other, "group").await;
    let at = SystemTime::now() + Duration::from_millis(300);
    transport.publish(&[message(1).with_not_before(at), message(2)]).await.into_iter().for_each(Result::unwrap);
    assert_eq!(numbers(&read(&source, 1).await), [2]);
    assert_eq!(state(&transport, "group").await.delayed, 1);
    let leased = read(&source, 1).await;
    let late = SystemTime::now().duration_since(at).unwrap();
    assert!(late < transport.capabilities().delay.unwrap(), "it was {late:?} late");
    assert_eq!(number(leased[0].message()), 1);
    let not_before = leased[0].message().not_before().unwrap();
    assert!(not_before.duration_since(at).unwrap() < Duration::from_millis(1));
}

#[tokio::test]
async fn dead_letters_are_listed_in_pages_replayed_and_discarded_by_another_handle() {
    let server = RedisServer::start();
    let (transport, other) = (open(&server).await, open(&server).await);
    let source = join(&transport, "group").await;
    publish(&transport, 0..5).await;
    let leased: Vec<_> = read(&source, 5).await.into_iter().map(|one| one.with_attempts(3)).collect();
    assert!(settle(&source, leased, dead("it is too small")).await.is_empty());
    assert_eq!(state(&transport, "group").await.leased, Some(0));

    let (mut query, mut found, mut pages) = (LetterQuery::default(), Vec::new(), 0);
    (query.limit, query.group) = (2, Some("group".into()));
    loop {
        let page = other.dead_letters(query.clone()).await.unwrap();
        found.extend(page.letters);
        pages += 1;
        if page.next.is_none() {
            break;
        }
        query.after = page.next;
    }
    assert_eq!((found.len(), pages), (5, 3));
    let all: Vec<_> = found.iter().map(|letter| number(&letter.message)).collect();
    assert_eq!(all, [0, 1, 2, 3, 4]);
    let first = &found[0];
    assert_eq!((&*first.group, &*first.reason, first.attempts), ("group", "it is too small", 3));
    assert!(first.failed_at.elapsed().unwrap() < LIMIT);
    query = LetterQuery::default();
    (query.limit, query.group) = (10, Some("another".into()));
    assert_eq!(other.dead_letters(query).await.unwrap().letters.len(), 0);

    let results = other.end_letters(&[found[0].id.clone(), found[1].id.clone()], LetterEnd::Discard).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let results = other.end_letters(&[found[3].id.clone(), found[0].id.clone()], LetterEnd::Replay).await;
    assert!(results[0].is_ok() && results[1].is_err(), "{results:?}");
    let again = read(&source, 1).await;
    assert_eq!((number(again[0].message()), again[0].attempts(), again[0].deliveries()), (3, 0, 1));
    let left: Vec<_> = letters(&transport).await.letters.iter().map(|letter| number(&letter.message)).collect();
    assert_eq!(left, [2, 4]);
    // It fails again.
    assert!(settle(&source, again, dead("it is still too small")).await.is_empty());
    assert_eq!(letters(&other).await.letters.len(), 3);
}

#[tokio::test]
async fn a_lease_that_is_extended_lasts_and_one_that_is_not_comes_to_another_source() {
    let server = RedisServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let (first, second) = (join(&here, "group").await, join(&there, "group").await);
    publish(&here, 0..2).await;
    let mut leased = read(&first, 2).await;
    let (held, left) = (leased.remove(0), leased.remove(0));
    let begin = Instant::now();
    let taken = {
        let extend = async {
            loop {
                tokio::time::sleep(LEASE / 3).await;
                assert!(first.extend(vec![held.lease().clone()]).await.unwrap().is_empty());
            }
        };
        tokio::select! {
            () = extend => unreachable!(),
            taken = read(&second, 1) => taken,
        }
    };
    assert!(begin.elapsed() >= LEASE, "a lease lasts");
    assert_eq!((number(taken[0].message()), taken[0].deliveries()), (1, 2));
    // Who has lost it is told, and its neighbour is settled.
    assert_eq!(first.extend(vec![left.lease().clone()]).await.unwrap(), [left.lease().clone()]);
    let unsettled = settle(&first, vec![left, held], Settlement::Release).await;
    assert_eq!(unsettled.len(), 1, "{unsettled:?}");
    assert!(unsettled[0].is_lost);
    assert_eq!(number(unsettled[0].leased.message()), 1);
    done(&second, taken).await;
    let again = read(&second, 1).await;
    assert_eq!(number(again[0].message()), 0);
    done(&second, again).await;
}

/// Enough that one of them in each wait of a reader, a second, takes longer than the limit.
const MANY: usize = 40;

/// Asks for one at a time and settles it, as a slow consumer does.
async fn work_off(source: &Arc<dyn Source>) -> Vec<u64> {
    let mut seen = Vec::new();
    let work = async {
        for _ in 0..MANY {
            let one = read(source, 1).await;
            seen.extend(numbers(&one));
            done(source, one).await;
        }
    };
    let ended = tokio::time::timeout(LIMIT, work).await;
    assert!(ended.is_ok(), "{} of {MANY} in {LIMIT:?}", seen.len());
    seen
}

#[tokio::test]
async fn what_a_dead_process_has_left_comes_as_fast_as_it_is_asked_for() {
    let server = RedisServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let (dies, lives) = (join(&here, "group").await, join(&there, "group").await);
    publish(&here, 0..MANY as u64).await;
    let _left = read(&dies, MANY).await;
    assert_eq!(work_off(&lives).await, (0..MANY as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn suspects_that_do_no_harm_follow_each_other_at_once() {
    let server = RedisServer::start();
    let handles = [open(&server).await, open(&server).await, open(&server).await];
    publish(&handles[0], 0..MANY as u64).await;
    let mut left = Vec::new();
    for dies in &handles[..2] {
        let source = join(dies, "group").await;
        left.push((read(&source, MANY).await, source));
    }
    assert!(left[1].0.iter().all(|leased| leased.deliveries() == 2));
    let lives = join(&handles[2], "group").await;
    let mut seen = work_off(&lives).await;
    seen.sort_unstable();
    assert_eq!(seen, (0..MANY as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_came_again_runs_out_and_counts_its_deliveries_too() {
    let server = RedisServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let (first, second) = (join(&here, "group").await, join(&there, "group").await);
    publish(&here, 0..1).await;
    let leased = read(&first, 1).await;
    assert!(settle(&first, leased, Settlement::Release).await.is_empty());
    let lost = read(&first, 1).await;
    assert_eq!(lost[0].deliveries(), 1, "the first time it was given back untried");
    let again = read(&second, 1).await;
    assert_eq!(again[0].deliveries(), 2);
    assert_eq!(first.extend(vec![lost[0].lease().clone()]).await.unwrap().len(), 1);
    assert!(second.extend(vec![again[0].lease().clone()]).await.unwrap().is_empty());
    let unsettled = settle(&first, lost, Settlement::Done).await;
    assert!(unsettled.len() == 1 && unsettled[0].is_lost, "{unsettled:?}");
    done(&second, again).await;
}

#[tokio::test]
async fn a_removed_group_is_gone_and_its_readers_end() {
    let server = RedisServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let source = join(&here, "group").await;
    publish(&here, 0..3).await;
    let leased = read(&source, 1).await;
    assert!(settle(&source, leased, Settlement::Release).await.is_empty());
    there.remove_group("group").await.unwrap();
    let mut into = Vec::new();
    let ends = async {
        // It may tell an error before.
        while !matches!(source.next(10, &mut into).await, Ok(Read::Closed)) {}
    };
    tokio::time::timeout(LIMIT, ends).await.unwrap();
    assert!(here.groups().await.unwrap().is_empty());
    assert!(here.remove_group("group").await.is_err());
    assert_eq!(server.cli(&["KEYS", "{events}:group:group:[a-q]*"]), "");
    // Wanted again, it is made again.
    let source = join(&here, "group").await;
    assert_eq!(numbers(&read(&source, 3).await), [0, 1, 2]);
}

#[tokio::test]
async fn a_group_cannot_have_a_name_that_would_touch_other_keys() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    for name in ["", "a{b}", "new\nline", &"x".repeat(129)] {
        assert!(transport.subscribe(group(name, Start::Oldest)).await.is_err(), "{name:?}");
    }
    assert_eq!(server.cli(&["DBSIZE"]), "0");
}

/// T22, T26: rolling restarts give back what waits; a delivery that nobody has tried is not one that came to no end.
#[tokio::test]
async fn what_is_given_back_untried_again_and_again_counts_as_handed_out_once() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    publish(&transport, 0..1).await;
    for _ in 0..12 {
        let leased = read(&source, 1).await;
        assert_eq!((leased[0].deliveries(), leased[0].attempts()), (1, 0));
        assert!(settle(&source, leased, Settlement::Release).await.is_empty());
    }
    let leased = read(&source, 1).await;
    assert!(settle(&source, leased, Settlement::Again { after: Duration::ZERO }).await.is_empty());
    assert_eq!(read(&source, 1).await[0].deliveries(), 2, "that one was tried");
}
