//! What is used, or implemented, in a way that it was not meant for.

mod consuming;
mod foreign;
mod publishing;

use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{
    Bus, Event,
    transport::{Answer as Later, BoxFuture, Capabilities, GroupSpec, GroupState, Message, Refusal, Source, Transport},
};
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Debug, PartialEq, Eq)]
#[event(name = "note.made", serde)]
struct NoteMade {
    text: String,
}

fn note() -> NoteMade {
    NoteMade { text: "one, two".to_owned() }
}

/// What a [`Stub`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Well,
    /// There is no room, though it always says that there is.
    Full,
    /// The same, and it keeps what it refuses.
    FullAndKept,
    /// It cannot tell at once, and takes what it is sent.
    Later,
    /// It compares ids, whether it is asked to or not.
    Duplicate,
}

/// A transport that takes messages and shows them.
#[derive(Clone)]
struct Stub {
    capabilities: Capabilities,
    answer: Answer,
    seen: Arc<Mutex<Vec<Message>>>,
}

impl Stub {
    fn new(capabilities: Capabilities, answer: Answer) -> Self {
        Self { capabilities, answer, seen: Arc::default() }
    }

    fn bus(&self) -> Bus {
        Bus::builder().transport(self.clone()).build()
    }

    fn seen(&self) -> Vec<Message> {
        self.seen.lock().unwrap().clone()
    }
}

impl Transport for Stub {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn try_publish(&self, batch: &mut [Option<Message>]) -> Result<(), Refusal> {
        let full = || Refusal::Full { group: "group".into(), wait: true };
        for slot in batch {
            match self.answer {
                Answer::Full => return Err(full()),
                Answer::Later => return Err(Refusal::WouldWait),
                Answer::Duplicate => return Err(Refusal::Duplicate),
                Answer::FullAndKept => {
                    self.seen.lock().unwrap().extend(slot.clone());
                    return Err(full());
                }
                Answer::Well => self.seen.lock().unwrap().extend(slot.take()),
            }
        }
        Ok(())
    }

    fn publish<'a>(&'a self, batch: &'a [Message]) -> BoxFuture<'a, Vec<Result<(), Refusal>>> {
        let results = batch.iter().map(|_| Ok(())).collect();
        self.seen.lock().unwrap().extend(batch.iter().cloned());
        Box::pin(async {
            tokio::task::yield_now().await;
            results
        })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    fn subscribe(&self, _: GroupSpec) -> Later<'_, Arc<dyn Source>> {
        Box::pin(ready(Err("it is for publishing only".into())))
    }

    fn groups(&self) -> Later<'_, Vec<GroupState>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn remove_group<'a>(&'a self, _: &'a str) -> Later<'a, Vec<Message>> {
        Box::pin(ready(Err("it is for publishing only".into())))
    }

    fn close(&self, _: Duration) -> Later<'_, Vec<(Option<Arc<str>>, Message)>> {
        Box::pin(ready(Ok(Vec::new())))
    }
}
