//! Publishes works by several connections in batches, again and again until each is acknowledged, and writes down the answers.

#![forbid(unsafe_code)]

use std::{
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use eventbus::{Bus, PublishError};
use eventbus_redis::RedisStreams;
use futures_util::future::join_all;
use redis_faults::{Ledger, Note, Options, Work};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let options = Arc::new(Options::of_this_process());
    let ledger = Arc::new(Ledger::open(Path::new(options.text("ledger"))));
    let connections = options.number("connections", 4);
    let publish = |own| tokio::spawn(publish(Arc::clone(&options), Arc::clone(&ledger), own, connections));
    for publishing in (0..connections).map(publish).collect::<Vec<_>>() {
        if let Err(error) = publishing.await.map_err(Failure::from).flatten() {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ledger.add(&Note::Ended("all are acknowledged".to_owned()));
    ExitCode::SUCCESS
}

/// One connection: each `connections`-th number. A key's numbers all go the same way, if the count of keys is a multiple.
async fn publish(options: Arc<Options>, ledger: Arc<Ledger>, own: u64, connections: u64) -> Result<(), Failure> {
    let builder = RedisStreams::builder(options.text("url")).max_len(options.number("max_len", 10_000_000));
    let builder = builder.partitions(options.number("partitions", 0)).answer_timeout(options.millis("answer", 3000));
    let transport = builder.connect_timeout(options.millis("answer", 3000)).connect().await?;
    let bus = Bus::builder().transport(transport).on_transport_error(|_| {}).build();
    ledger.add(&Note::Ready);
    let (count, keys) = (options.number("count", 0), options.number("keys", 0));
    let pause = options.millis("pause", 0);
    let mut numbers = (own..count).step_by(usize::try_from(connections)?);
    loop {
        let mut batch: Vec<u64> = numbers.by_ref().take(options.number("batch", 100)).collect();
        if batch.is_empty() {
            break;
        }
        while !batch.is_empty() {
            let works = batch.iter().map(|number| Work::new(*number, keys));
            let began = Instant::now();
            let results = if keys == 0 {
                bus.publish_all(works).await.into_iter().map(|result| result.map_err(PublishError::from)).collect()
            } else {
                join_all(works.map(|work| {
                    let key = work.key.to_string();
                    bus.publish(work).key(key)
                }))
                .await
            };
            let mut notes = vec![Note::Took(u64::try_from(began.elapsed().as_millis())?)];
            notes.extend(batch.iter().zip(&results).map(|(number, result)| match result {
                Ok(()) => Note::Acked(*number),
                Err(PublishError::Unknown { .. }) => Note::Unknown(*number),
                Err(_) => Note::Refused(*number),
            }));
            ledger.add_all(&notes);
            let mut results = results.into_iter();
            batch.retain(|_| results.next().is_some_and(|result| result.is_err()));
            if !batch.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    bus.shutdown(Duration::from_secs(10)).await;
    Ok(())
}
