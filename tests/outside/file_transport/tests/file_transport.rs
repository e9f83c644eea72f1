//! The transport under a bus: what is published reaches each group, is tried again, ends as a dead letter, and outlives the process.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "in a test it is an assertion")]

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{Bus, BusBuilder, Delivery, Event, Retry};
use file_transport::FileTransport;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[event(name = "note.taken", serde)]
struct NoteTaken(u64);

#[derive(Event, Serialize, Deserialize, Debug)]
#[event(name = "page.torn", serde)]
struct PageTorn;

const LIMIT: Duration = Duration::from_secs(20);

/// A file of its own for each test.
fn path(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.jsonl"));
    let _ = fs::remove_file(&path);
    path
}

/// A bus over the file, in which an error of the transport ends the test.
fn builder(path: &PathBuf) -> BusBuilder {
    let transport = FileTransport::open(path).unwrap();
    Bus::builder().transport(transport).on_failure(|_| {}).on_dead_letter(|_| {})
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u64>>>);

impl Log {
    fn add(&self, id: u64) {
        self.0.lock().unwrap().push(id);
    }

    fn take(&self) -> Vec<u64> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Handles notes in a group: those below `fails` fail.
async fn consume(bus: &Bus, group: &str, log: &Log, fails: u64) -> eventbus::Consumer {
    let log = log.clone();
    let handler = move |e: Arc<NoteTaken>, _: Delivery| {
        log.add(e.0);
        async move { if e.0 < fails { Err("it is too small") } else { Ok(()) } }
    };
    let retry = Retry::fixed(Duration::from_millis(5)).max_attempts(3);
    bus.consumer(group).handle::<NoteTaken>(handler).retry(retry).start().await.unwrap()
}

async fn take_notes(bus: &Bus, ids: std::ops::Range<u64>) {
    for result in bus.publish_all(ids.map(NoteTaken)).await {
        result.unwrap();
    }
}

/// Ends a process: nothing of it is left but the file.
async fn end(bus: Bus) {
    let report = bus.shutdown(LIMIT).await;
    assert_eq!(report.stats().transport_errors, 0);
    assert!(report.stats().deliveries().is_balanced() && report.returned().is_empty(), "{report}");
    drop(report);
    drop(bus);
}

#[tokio::test]
async fn each_group_gets_each_message_that_it_wants() {
    let bus = builder(&path("groups")).build();
    let (first, second) = (Log::default(), Log::default());
    consume(&bus, "first", &first, 0).await;
    consume(&bus, "second", &second, 0).await;
    take_notes(&bus, 0..100).await;
    bus.publish(PageTorn).await.unwrap();
    bus.publish(NoteTaken(100)).await.unwrap();
    bus.drained(LIMIT).await.unwrap();
    assert_eq!(first.take(), (0..=100).collect::<Vec<_>>());
    assert_eq!(second.take(), (0..=100).collect::<Vec<_>>());
    end(bus).await;
}

#[tokio::test]
async fn what_fails_is_tried_again_and_ends_as_a_dead_letter_that_can_be_replayed() {
    let (path, log) = (path("letters"), Log::default());
    let bus = builder(&path).build();
    consume(&bus, "group", &log, 2).await;
    take_notes(&bus, 0..4).await;
    bus.drained(LIMIT).await.unwrap();
    let mut handled = log.take();
    handled.sort_unstable();
    assert_eq!(handled, [0, 0, 0, 1, 1, 1, 2, 3]);
    end(bus).await;

    // The letters are there in the next process.
    let bus = builder(&path).build();
    let letters = bus.dead_letters().list().await.unwrap();
    let reasons: Vec<_> = letters.iter().map(|letter| (letter.attempts, letter.error.to_string())).collect();
    assert_eq!(reasons, [(3, "it is too small".to_owned()), (3, "it is too small".to_owned())]);
    let page = bus.dead_letters().page(Some("group"), None, 1).await.unwrap();
    assert_eq!((page.letters.len(), page.next.as_ref()), (1, Some(&letters[0].id)));
    bus.dead_letters().discard(&letters[1].id).await.unwrap();
    bus.dead_letters().replay(&letters[0].id).await.unwrap();
    assert_eq!(bus.dead_letters().list().await.unwrap().len(), 0);
    consume(&bus, "group", &log, 0).await;
    bus.drained(LIMIT).await.unwrap();
    assert_eq!(log.take().len(), 1);
    end(bus).await;
}

#[tokio::test]
async fn what_was_not_settled_comes_again_in_the_next_process() {
    let (path, log) = (path("restart"), Log::default());
    let bus = builder(&path).build();
    let handler = {
        let log = log.clone();
        move |e: Arc<NoteTaken>, _: Delivery| {
            log.add(e.0);
            async move {
                if e.0 == 2 {
                    std::future::pending::<()>().await;
                }
            }
        }
    };
    bus.consumer("group").handle::<NoteTaken>(handler).start().await.unwrap();
    take_notes(&bus, 0..5).await;
    while log.0.lock().unwrap().len() < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(log.take(), [0, 1, 2]);
    let report = bus.shutdown(Duration::ZERO).await;
    // The one in hand goes back, and what had been read behind it, if anything.
    assert_eq!(report.abandoned().count(), 1);
    assert!((1..=3).contains(&report.consumers()[0].returned), "{report}");
    drop((report, bus));

    let bus = builder(&path).build();
    consume(&bus, "group", &log, 0).await.drain(LIMIT).await.unwrap();
    assert_eq!(log.take(), [2, 3, 4]);
    end(bus).await;

    let bus = builder(&path).build();
    consume(&bus, "group", &log, 0).await;
    bus.drained(LIMIT).await.unwrap();
    assert!(log.take().is_empty());
    end(bus).await;
}

#[tokio::test]
async fn a_process_that_dies_without_a_word_loses_nothing_that_was_accepted() {
    let (path, log) = (path("killed"), Log::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = path.clone();
    std::thread::spawn(move || {
        let bus = builder(&first).build();
        runtime.block_on(async {
            let handler = |_: Arc<NoteTaken>, _: Delivery| std::future::pending::<()>();
            bus.consumer("group").handle::<NoteTaken>(handler).start().await.unwrap();
            take_notes(&bus, 0..5).await;
        });
        // All its tasks, and what they hold, are dropped.
        drop(runtime);
    })
    .join()
    .unwrap();
    // And its last line was not finished.
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"Done\":{\"group\"").unwrap();

    let bus = builder(&path).build();
    consume(&bus, "group", &log, 0).await;
    bus.drained(LIMIT).await.unwrap();
    assert_eq!(log.take(), [0, 1, 2, 3, 4]);
    end(bus).await;
}

#[tokio::test]
async fn a_stop_gives_back_what_waits_and_the_next_consumer_takes_it() {
    let (bus, log) = (builder(&path("stop")).build(), Log::default());
    let waiting = consume(&bus, "group", &log, 3).await;
    waiting.pause();
    take_notes(&bus, 0..3).await;
    waiting.stop(LIMIT).await;
    let failing = bus.consumer("group").handle::<NoteTaken>(|_, _| async { Err::<(), _>("later") });
    let failing = failing.retry(Retry::fixed(Duration::from_hours(1))).start().await.unwrap();
    while bus.stats().group("group").unwrap().retried < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(failing.stop(LIMIT).await.returned, 3);
    consume(&bus, "group", &log, 0).await;
    bus.drained(LIMIT).await.unwrap();
    assert_eq!(log.take(), [0, 1, 2]);
    end(bus).await;
}

#[tokio::test]
async fn a_line_that_nobody_can_read_is_a_dead_letter_and_the_rest_goes_on() {
    let (path, log) = (path("malformed"), Log::default());
    let bus = builder(&path).build();
    consume(&bus, "group", &log, 0).await;
    take_notes(&bus, 0..1).await;
    bus.drained(LIMIT).await.unwrap();
    end(bus).await;
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"no JSON\n").unwrap();

    let bus = builder(&path).build();
    take_notes(&bus, 1..2).await;
    consume(&bus, "group", &log, 0).await;
    bus.drained(LIMIT).await.unwrap();
    assert_eq!(log.take(), [0, 1]);
    let letters = bus.dead_letters().list().await.unwrap();
    assert_eq!(letters[0].message.malformed_data(), Some(&b"no JSON"[..]));
    end(bus).await;
}

#[tokio::test]
async fn a_new_group_reads_from_the_beginning_if_it_says_so() {
    let (path, log) = (path("replay"), Log::default());
    let bus = builder(&path).build();
    consume(&bus, "first", &Log::default(), 0).await;
    take_notes(&bus, 0..3).await;
    let handler = {
        let log = log.clone();
        move |e: Arc<NoteTaken>, _: Delivery| {
            log.add(e.0);
            async {}
        }
    };
    let builder = bus.consumer("second").handle::<NoteTaken>(handler);
    builder.start_at(eventbus::transport::Start::Oldest).start().await.unwrap();
    bus.drained(LIMIT).await.unwrap();
    assert_eq!(log.take(), [0, 1, 2]);
    end(bus).await;
}
