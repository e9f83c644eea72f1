//! The form of the entries: what other programs write, what they can read, and what hostile ones write.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

mod rig;

use std::{collections::HashSet, time::Duration};

use eventbus::transport::{LetterEnd, Message, Settlement, Start, Transport};
use rig::{
    RedisServer, builder, dead, done, group, join, letters, number, numbers, open, publish, read, settle, state, until,
};

#[tokio::test]
async fn an_entry_with_only_type_and_data_is_read() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let id = server.cli(&["XADD", "events", "*", "type", "user.created", "data", r#"{"email":"a@example.org"}"#]);
    let leased = read(&join(&transport, "first").await, 1).await;
    let message = leased[0].message().clone();
    assert_eq!((message.name(), message.version(), message.source()), ("user.created", 1, "unknown"));
    assert_eq!(&*message.data().unwrap(), br#"{"email":"a@example.org"}"#);
    // Its time is the entry's, and its id is the same for all who read it.
    let millis: u64 = id.split('-').next().unwrap().parse().unwrap();
    assert_eq!(message.time().duration_since(std::time::UNIX_EPOCH).unwrap(), Duration::from_millis(millis));
    let again = read(&join(&transport, "second").await, 1).await;
    assert_eq!(again[0].message().id(), message.id());
}

#[tokio::test]
async fn the_order_of_fields_and_unknown_ones_do_not_matter() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    server.cli(&[
        "XADD",
        "events",
        "*",
        "data",
        "1",
        "x",
        "y",
        "time",
        "2026-11-25T10:00:00Z",
        "type",
        "note.taken.v3",
    ]);
    let leased = read(&join(&transport, "group").await, 1).await;
    assert_eq!((leased[0].message().name(), leased[0].message().version()), ("note.taken", 3));
}

#[tokio::test]
async fn what_is_published_can_be_read_by_any_program() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let attributes = [("type", "note.taken"), ("id", "0190a1b2-0000-7000-8000-000000000001"), ("partitionkey", "k")];
    let message = Message::from_attributes(attributes, b"{}".to_vec()).unwrap();
    transport.publish(&[message]).await.pop().unwrap().unwrap();
    let entry = server.cli(&["XRANGE", "events", "-", "+"]);
    let fields = entry.split_once(' ').unwrap().1;
    let time = fields.split(' ').nth(9).unwrap();
    let expected = format!(
        "specversion 1.0 id 0190a1b2-0000-7000-8000-000000000001 source unknown type note.taken time {time} \
         datacontenttype application/json partitionkey k data {{}}"
    );
    assert_eq!(fields, expected);
    assert_eq!(server.cli(&["KEYS", "*"]), "events");
}

#[tokio::test]
async fn hostile_entries_are_malformed_and_stop_nothing() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let large = "x".repeat(Message::MAX_DATA + 1);
    let long = "k".repeat(Message::MAX_ATTRIBUTE + 1);
    let many: Vec<_> = (0..100).map(|number| format!("f{number}")).collect();
    let mut many_fields = vec!["type", "note.taken", "data", "1"];
    many_fields.extend(many.iter().flat_map(|name| [&**name, "1"]));
    let deep = "[".repeat(100_000);
    let hostile: [(&[&str], &str); 11] = [
        (&["data", "1"], "no `type`"),
        (&["type", "note.taken"], "no `data`"),
        (&["x", "y"], "no `data`"),
        (&["type", "", "data", "1"], "no event name"),
        (&["type", "note taken\r\n", "data", "1"], "no event name"),
        (&["type", "note.taken.v01", "data", "1"], "no event name"),
        (&["type", "note.taken", "data", &large], "1048577 bytes"),
        (&["type", "note.taken", "data", "1", "partitionkey", &long], "`partitionkey` has 1025 bytes"),
        (&["type", "note.taken", "data", "1", "time", "yesterday"], "`time` is malformed"),
        (&["type", "note.taken", "data", "1", "hops", "-1"], "`hops` is malformed"),
        (&many_fields, "102 fields"),
    ];
    for (fields, _) in hostile {
        server.cli(&[&["XADD", "events", "*"], fields].concat());
    }
    // Bytes that are no text, an id beyond all calendars, and JSON that only its reader can refuse.
    server.cli_bytes(&[b"XADD", b"events", b"*", b"type", b"\xff\xfe", b"data", b"1"]);
    server.cli_bytes(&[b"XADD", b"events", b"*", b"\xff", b"\xff", b"type", b"note.taken", b"data", b"\xff\x00\xff"]);
    server.cli(&["XADD", "events", "*", "type", "note.taken", "data", &deep]);
    server.cli(&["XADD", "events", "18446744073709551614-1", "type", "note.taken", "data", "7"]);
    server.cli(&["XADD", "events", "18446744073709551614-2", "type", "note.taken", "data", "8"]);

    let source = join(&transport, "group").await;
    let mut leased = read(&source, hostile.len() + 5).await;
    let healthy = leased.split_off(hostile.len() + 1);
    for (one, (_, reason)) in leased.iter().zip(hostile) {
        let own = one.message().malformed_reason().unwrap_or_else(|| panic!("{reason}: {one:?}"));
        assert!(own.contains(reason), "{own}: {reason}");
    }
    assert!(leased[hostile.len()].message().malformed_reason().unwrap().contains("not UTF-8"));
    assert_eq!(leased[0].message().malformed_data().unwrap(), b"1");
    assert_eq!(leased[2].message().malformed_data().unwrap(), b"x=y\n");
    assert!(healthy.iter().all(|one| !one.message().is_malformed()));
    assert_eq!(&*healthy[0].message().data().unwrap(), b"\xff\x00\xff");
    assert_eq!(numbers(&healthy[2..]), [7, 8]);
    done(&source, healthy).await;

    // They come again as what they are, end as dead letters, and can be replayed.
    let count = leased.len();
    assert!(settle(&source, leased, eventbus::transport::Settlement::Release).await.is_empty());
    let again = read(&source, count).await;
    assert!(again.iter().all(|one| one.message().is_malformed()));
    assert!(settle(&source, again, dead("it is malformed")).await.is_empty());
    let page = letters(&transport).await;
    assert_eq!(page.letters.len(), count);
    assert!(page.letters.iter().all(|letter| letter.message.is_malformed()));
    assert!(transport.end_letters(&[page.letters[0].id.clone()], LetterEnd::Replay).await[0].is_ok());
    let again = read(&source, 1).await;
    assert!(again[0].message().malformed_reason().unwrap().contains("no `type`"));
    done(&source, again).await;
}

#[tokio::test]
async fn names_off_the_wire_create_no_keys() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    let keys = |server: &RedisServer| server.cli(&["KEYS", "*"]).split(' ').map(str::to_owned).collect::<HashSet<_>>();
    let before = keys(&server);
    for number in 0..50 {
        server.cli(&["XADD", "events", "*", "type", &format!("name.number{number}"), "partitionkey", "a", "data", "1"]);
    }
    let leased = read(&source, 50).await;
    done(&source, leased).await;
    // A letter that names a group that is not there makes none.
    let id = server.cli(&["XADD", "{events}:dead", "*", "type", "note.taken", "data", "1", "deadgroup", "of-nobody"]);
    let page = letters(&transport).await;
    assert_eq!(page.letters[0].id.as_str(), id);
    let ends = transport.end_letters(&[page.letters[0].id.clone()], LetterEnd::Replay).await;
    assert!(ends[0].as_ref().unwrap_err().to_string().contains("is not there"), "{ends:?}");
    assert_eq!(letters(&transport).await.letters.len(), 1);
    let mut after = keys(&server);
    assert!(after.remove("{events}:dead"));
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_group_of_another_program_is_read_from_where_it_is() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    publish(&transport, 0..4).await;
    server.cli(&["XGROUP", "CREATE", "events", "theirs", "0"]);
    server.cli(&["XREADGROUP", "GROUP", "theirs", "someone", "COUNT", "2", "STREAMS", "events", ">"]);
    let source = transport.subscribe(group("theirs", Start::Now)).await.unwrap();
    let mut all = read(&source, 4).await;
    all.sort_by_key(|one| number(one.message()));
    // What their consumer has left, too, when its time is over.
    assert_eq!(numbers(&all), [0, 1, 2, 3]);
    assert_eq!(all.iter().map(eventbus::transport::Leased::deliveries).collect::<Vec<_>>(), [2, 2, 1, 1]);
    done(&source, all).await;
}

#[tokio::test]
async fn an_event_that_is_too_large_is_refused_before_it_is_sent() {
    let server = RedisServer::start();
    let transport = builder(&server).stream("a-stream.of_its:own").connect().await.unwrap();
    let limit = transport.capabilities().max_payload.unwrap();
    let fits = Message::from_attributes([("type", "note.taken")], vec![b'1'; limit]).unwrap();
    transport.publish(&[fits]).await.pop().unwrap().unwrap();
    assert_eq!(server.cli(&["XLEN", "a-stream.of_its:own"]), "1");
    let source = join(&transport, "group").await;
    let leased = read(&source, 1).await;
    assert_eq!(leased[0].message().counted_bytes(), limit);
    assert!(settle(&source, leased, eventbus::transport::Settlement::Release).await.is_empty());
    let leased = read(&source, 1).await;
    assert_eq!(leased[0].message().counted_bytes(), limit);
    done(&source, leased).await;
    assert_eq!(state(&transport, "group").await.depth, Some(0));
}

#[tokio::test]
async fn the_age_of_the_oldest_message_that_waits_is_told() {
    const OLD: Duration = Duration::from_millis(30);
    let server = RedisServer::start();
    let transport = open(&server).await;
    let source = join(&transport, "group").await;
    let age = || async { state(&transport, "group").await.oldest_age };
    assert_eq!(age().await, None);
    publish(&transport, 0..1).await;
    until("it has waited", || async { age().await.is_some_and(|age| age > OLD) }).await;
    publish(&transport, 1..2).await;
    assert!(age().await.unwrap() > OLD, "the oldest counts");
    let leased = read(&source, 2).await;
    assert_eq!(age().await, None, "what is leased does not wait");
    assert!(settle(&source, leased, Settlement::Release).await.is_empty());
    assert!(age().await.unwrap() > OLD, "it has waited since it was published");
}

#[tokio::test]
async fn the_age_of_entries_whose_ids_are_no_times_is_unknown() {
    let server = RedisServer::start();
    let transport = open(&server).await;
    for (group, id) in [("one", "7-1"), ("two", "99999999999999-1")] {
        let source = join(&transport, group).await;
        server.cli(&["XADD", "events", id, "type", "note.taken", "data", "1"]);
        let state = state(&transport, group).await;
        assert_eq!((state.depth.is_some_and(|depth| depth > 0), state.oldest_age), (true, None), "{id}");
        source.close().await.unwrap();
    }
}
