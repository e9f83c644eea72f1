//! Publishing: one pipeline for a batch.

use std::time::Duration;

use eventbus_core::{Message, Refusal};
use redis::{Cmd, Value};

use crate::{
    entry,
    error::CommandError,
    script::{self, call},
    shared::Shared,
};

const ACTION: &str = "publish";

/// The longest time for which an id is kept, in milliseconds: some 30,000 years, which the server can still add to the time of day.
const LONGEST_WINDOW: u64 = 1_000_000_000_000_000;

impl Shared {
    /// Publishes a batch; a result for each message.
    pub(crate) async fn publish(&self, batch: &[Message]) -> Vec<Result<(), Refusal>> {
        if self.closed.is_cancelled() {
            return batch.iter().map(|_| Err(Refusal::Closed)).collect();
        }
        let mut pipeline = redis::Pipeline::with_capacity(batch.len());
        let (mut results, mut is_delayed) = (Vec::with_capacity(batch.len()), false);
        for message in batch {
            results.push(self.command_of(message).map(|command| {
                is_delayed |= message.not_before().is_some();
                pipeline.add_command(command);
            }));
        }
        let mut answers = match self.publishing.run(ACTION, &pipeline).await {
            Ok(answers) => answers.into_iter(),
            Err(error) => {
                let refused = |result: Result<(), Refusal>| {
                    result.and_then(|()| {
                        Err(match error {
                            CommandError::NotSent { .. } => Refusal::Failed(error.clone().into()),
                            _ => Refusal::Unknown(error.clone().into()),
                        })
                    })
                };
                return results.into_iter().map(refused).collect();
            }
        };
        if is_delayed {
            self.changed.notify_one();
        }
        let answer = |result: Result<(), Refusal>| {
            result?;
            match answers.next() {
                Some(Ok(Value::Nil)) => Err(Refusal::Duplicate),
                Some(Ok(_)) => Ok(()),
                // The server has refused this one: it is surely not there.
                Some(Err(error)) => Err(Refusal::Failed(CommandError::refused(ACTION, &error).into())),
                None => Err(Refusal::Unknown(CommandError::Answer { action: ACTION }.into())),
            }
        };
        results.into_iter().map(answer).collect()
    }

    fn command_of(&self, message: &Message) -> Result<Cmd, Refusal> {
        let stream = self.keys.stream_of(message.key());
        let mut command = if let Some(window) = message.dedupe() {
            self.once(message, window, stream)
        } else if let Some(at) = message.not_before() {
            let mut delay = call(&script::DELAY, &[&self.keys.delayed]);
            delay.arg(entry::millis_up(at)).arg(stream);
            delay
        } else {
            let mut append = entry::command("XADD");
            append.arg(&self.keys.streams[stream]).arg("MAXLEN").arg("~").arg(self.settings.max_len).arg("*");
            append
        };
        let size = entry::write(message, &mut command).map_err(|error| Refusal::Unwritable(error.into()))?;
        if size > Message::MAX_DATA {
            return Err(Refusal::TooLarge { size, limit: Message::MAX_DATA });
        }
        Ok(command)
    }

    /// Publishes a message whose id is kept for a window (T8). The fields follow.
    fn once(&self, message: &Message, window: Duration, stream: usize) -> Cmd {
        let id = self.keys.id(message.id());
        let window = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).clamp(1, LONGEST_WINDOW);
        let Some(at) = message.not_before() else {
            let mut once = call(&script::ONCE, &[&id, &self.keys.streams[stream]]);
            once.arg(window).arg("").arg(self.settings.max_len);
            return once;
        };
        let mut once = call(&script::ONCE, &[&id, &self.keys.delayed]);
        once.arg(window).arg(entry::millis_up(at)).arg(stream);
        once
    }
}
