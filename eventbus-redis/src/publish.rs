//! Publishing: one pipeline for a batch.

use eventbus_core::{Message, Refusal};
use redis::Cmd;

use crate::{
    entry,
    error::CommandError,
    script::{self, call},
    settle::add,
    shared::Shared,
};

const ACTION: &str = "publish";

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
                Some(Ok(_)) => Ok(()),
                // The server has refused this one: it is surely not there.
                Some(Err(error)) => Err(Refusal::Failed(CommandError::refused(ACTION, &error).into())),
                None => Err(Refusal::Unknown(CommandError::Answer { action: ACTION }.into())),
            }
        };
        results.into_iter().map(answer).collect()
    }

    fn command_of(&self, message: &Message) -> Result<Cmd, Refusal> {
        let fields = entry::write(message).map_err(|error| Refusal::Unwritable(error.into()))?;
        if let Some((_, data)) = fields.last().filter(|(_, data)| data.len() > Message::MAX_DATA) {
            return Err(Refusal::TooLarge { size: data.len(), limit: Message::MAX_DATA });
        }
        let stream = self.keys.stream_of(message.key());
        if let Some(at) = message.not_before() {
            let mut delay = call(&script::DELAY, &[&self.keys.delayed]);
            delay.arg(entry::millis_up(at)).arg(stream);
            return Ok(add(delay, &fields));
        }
        let mut append = redis::cmd("XADD");
        append.arg(&self.keys.streams[stream]).arg("MAXLEN").arg("~").arg(self.settings.max_len).arg("*");
        Ok(add(append, &fields))
    }
}
