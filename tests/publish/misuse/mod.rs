//! What is used, or implemented, in a way that it was not meant for.

mod consuming;
mod foreign;
mod publishing;

use std::{
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use eventbus::{BoxError, BoxFuture, Bus, Capabilities, Event, Group, GroupState, Message, Refused, Source, Transport};
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

    fn try_publish(&self, message: Message) -> Result<(), Refused> {
        match self.answer {
            Answer::Full => return Err(Refused::Full { message, wait: true }),
            Answer::Later => return Err(Refused::WouldWait(message)),
            Answer::FullAndKept => {
                self.seen.lock().unwrap().push(message.clone());
                return Err(Refused::Full { message, wait: true });
            }
            Answer::Well => self.seen.lock().unwrap().push(message),
        }
        Ok(())
    }

    fn publish(&self, batch: Vec<Message>) -> BoxFuture<'_, Vec<Result<(), Refused>>> {
        let results = batch.iter().map(|_| Ok(())).collect();
        self.seen.lock().unwrap().extend(batch);
        Box::pin(async {
            tokio::task::yield_now().await;
            results
        })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    fn subscribe(&self, _: Group) -> BoxFuture<'_, Result<Arc<dyn Source>, BoxError>> {
        Box::pin(ready(Err("it is for publishing only".into())))
    }

    fn requeue(&self, _: &str, message: Message) -> BoxFuture<'_, Result<(), Refused>> {
        Box::pin(ready(Err(Refused::Closed(message))))
    }

    fn groups(&self) -> Vec<GroupState> {
        Vec::new()
    }

    fn close(&self, _: Duration) -> BoxFuture<'_, Vec<(Option<Arc<str>>, Message)>> {
        Box::pin(ready(Vec::new()))
    }
}
