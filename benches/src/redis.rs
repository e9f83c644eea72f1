//! Redis Streams beside the bare client in the same shape: `redis [--rounds N]`. It starts a server of its own.
//!
//! Both write entries of the same form, with an id for each and the event as JSON, and both read the JSON.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use ::redis::{AsyncTypedCommands, Client, aio::MultiplexedConnection, streams::StreamReadOptions};
use eventbus::{Bus, Event, redis::RedisStreams, transport::MessageId};
use redis_test_server::RedisServer;
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, task::JoinSet};

use crate::harness::median;

/// Events of one run; of those with one in flight a tenth.
const EVENTS: u32 = 40_000;

/// The bound of the streams: nothing is trimmed.
const MAX_LEN: u64 = 10_000_000;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "bench.moved", serde)]
struct Moved {
    id: u32,
    from: String,
    to: String,
}

impl Moved {
    fn new(id: u32) -> Self {
        Self { id, from: "brewery".to_owned(), to: "farm".to_owned() }
    }
}

/// One shape: its name, what is asked, and how long the bare client and the bus take for an event.
type Shape = (&'static str, f64, [Duration; 2]);

pub(crate) fn run(args: &[String]) {
    let rounds = match args {
        [flag, number] if flag == "--rounds" => number.parse().expect("a number of rounds"),
        _ => 7,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let rounds: Vec<_> = (0..rounds).map(|_| runtime.block_on(round())).collect();
    println!("{:<44} {:>10} {:>10} {:>7} {:>5}", "Redis Streams, events/s", "bare", "bus", "ratio", "bar");
    for at in 0..rounds[0].len() {
        let (name, bar, _) = rounds[0][at];
        let rate = |who: usize| median(rounds.iter().map(|round| 1.0 / round[at].2[who].as_secs_f64()));
        let ratio = median(rounds.iter().map(|round| round[at].2[0].as_secs_f64() / round[at].2[1].as_secs_f64()));
        println!("{name:<44} {:>10.0} {:>10.0} {ratio:>7.2} {bar:>5}", rate(0), rate(1));
    }
}

async fn round() -> Vec<Shape> {
    let server = RedisServer::start();
    let url = server.url();
    let bare = Client::open(&*url).expect("a client").get_multiplexed_async_connection().await.expect("a connection");
    let transport = RedisStreams::builder(&url).max_len(MAX_LEN).connect().await.expect("a transport");
    let bus = Bus::builder().transport(transport).build();
    let few = EVENTS / 10;
    vec![
        ("publish, one in flight", 0.9, [one_by_one(&bare, few).await / few, publish(&bus, few, 1).await / few]),
        ("publish, 64 in flight", 0.8, [side_by_side(&bare).await / EVENTS, publish(&bus, EVENTS, 64).await / EVENTS]),
        ("publish_all, pipelines of 512", 0.8, [pipelines(&bare).await / EVENTS, publish_all(&bus).await / EVENTS]),
        ("consume, COUNT 256 and one XACK a batch", 1.0, [read(&bare).await / EVENTS, consume(&bus).await / EVENTS]),
    ]
}

async fn append(mut to: MultiplexedConnection, id: u32) {
    command(id).exec_async(&mut to).await.expect("it is appended");
}

fn command(id: u32) -> ::redis::Cmd {
    let data = serde_json::to_vec(&Moved::new(id)).expect("JSON");
    let mut command = ::redis::cmd("XADD");
    command.arg("bare").arg("MAXLEN").arg("~").arg(MAX_LEN).arg("*");
    command.arg("specversion").arg("1.0").arg("id").arg(MessageId::new().to_string()).arg("source").arg("bench");
    command.arg("type").arg("bench.moved").arg("time").arg("2026-11-25T12:00:00.000Z");
    command.arg("datacontenttype").arg("application/json").arg("data").arg(data);
    command
}

async fn one_by_one(bare: &MultiplexedConnection, count: u32) -> Duration {
    let start = Instant::now();
    for id in 0..count {
        append(bare.clone(), id).await;
    }
    start.elapsed()
}

async fn side_by_side(bare: &MultiplexedConnection) -> Duration {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..64 {
        let bare = bare.clone();
        tasks.spawn(async move {
            for id in (task..EVENTS).step_by(64) {
                append(bare.clone(), id).await;
            }
        });
    }
    tasks.join_all().await;
    start.elapsed()
}

async fn pipelines(bare: &MultiplexedConnection) -> Duration {
    let (start, mut bare) = (Instant::now(), bare.clone());
    for from in (0..EVENTS).step_by(512) {
        let mut pipeline = ::redis::pipe();
        for id in from..EVENTS.min(from + 512) {
            pipeline.add_command(command(id)).ignore();
        }
        pipeline.exec_async(&mut bare).await.expect("they are appended");
    }
    start.elapsed()
}

async fn publish(bus: &Bus, count: u32, tasks: u32) -> Duration {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let bus = bus.clone();
        running.spawn(async move {
            for id in (task..count).step_by(tasks as usize) {
                bus.publish(Moved::new(id)).await.expect("it is published");
            }
        });
    }
    running.join_all().await;
    start.elapsed()
}

async fn publish_all(bus: &Bus) -> Duration {
    let start = Instant::now();
    for from in (0..EVENTS).step_by(512) {
        for result in bus.publish_all((from..EVENTS.min(from + 512)).map(Moved::new)).await {
            result.expect("it is published");
        }
    }
    start.elapsed()
}

/// Reads all that was appended.
async fn read(bare: &MultiplexedConnection) -> Duration {
    let mut bare = bare.clone();
    bare.xgroup_create("bare", "group", "0").await.expect("a group");
    let options = StreamReadOptions::default().group("group", "reader").count(256);
    let (start, mut left) = (Instant::now(), EVENTS);
    while left > 0 {
        let reply = bare.xread_options(&["bare"], &[">"], &options).await.expect("a reply");
        let Some(batch) = reply.and_then(|reply| reply.keys.into_iter().next()) else { break };
        let mut ids = Vec::new();
        for entry in batch.ids {
            let data: Vec<u8> = entry.get("data").expect("data");
            let moved: Moved = serde_json::from_slice(&data).expect("an event");
            left -= u32::from(left > 0);
            std::hint::black_box((moved.id, moved.from, moved.to));
            ids.push(entry.id);
        }
        bare.xack("bare", "group", &ids).await.expect("they are acknowledged");
    }
    start.elapsed()
}

/// Handles as many of what was published.
async fn consume(bus: &Bus) -> Duration {
    let (left, done) = (Arc::new(AtomicU32::new(EVENTS)), Arc::new(Notify::new()));
    let (counts, tells) = (Arc::clone(&left), Arc::clone(&done));
    let start = Instant::now();
    let consumer =
        bus.consumer("group").start_at(eventbus::transport::Start::Oldest).handle::<Moved>(move |moved, _| {
            std::hint::black_box((moved.id, &moved.from, &moved.to));
            if counts.fetch_sub(1, Ordering::AcqRel) == 1 {
                tells.notify_one();
            }
            async {}
        });
    let consumer = consumer.start().await.expect("it starts");
    done.notified().await;
    let elapsed = start.elapsed();
    consumer.stop(Duration::from_secs(5)).await;
    elapsed
}
