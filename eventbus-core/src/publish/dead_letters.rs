//! The dead letters of a bus: listing, replaying and discarding them, wherever they are kept.

use std::{fmt, sync::Arc};

use super::{
    Publishing,
    answer::asked,
    dead_letter::{DeadLetter, DeadStore, number_of},
    dead_letter_error::{DeadLetterError, DiscardError, ReplayError, ReplayWhereError},
};
use crate::{
    emission::Bus,
    event::isolate,
    listener::{BoxError, to_stderr},
    transport::{LetterEnd, LetterError, LetterId, LetterQuery, Operation, Refusal},
};

/// A dead letter on its way back to its group; dropped, it is a dead letter again.
struct Away<'b> {
    store: &'b DeadStore,
    letter: Option<DeadLetter>,
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        if let Some(letter) = self.letter.take() {
            self.store.push(letter);
        }
    }
}

impl Publishing {
    /// Tells the hook for the dead letters of all types.
    pub(crate) fn tell_dead_letter(&self, letter: &DeadLetter) {
        if let Some(hook) = &self.dead_letter_hook
            && let Err(panic) = isolate(|| (hook.get())(letter))
        {
            to_stderr(&format_args!("the hook for dead letters panicked: {panic}; it was to tell: {letter}"));
        }
    }
}

impl Bus {
    /// The deliveries that have failed for the last time.
    ///
    /// A durable transport keeps them itself ([`Capabilities::dead_letters`](crate::Capabilities::dead_letters)). Elsewhere the
    /// bus keeps as many as [`BusBuilder::max_dead_letters`](crate::BusBuilder::max_dead_letters) says: newer ones take the place of the
    /// oldest.
    ///
    /// # Examples
    ///
    /// ```
    /// # use eventbus_core::{Bus, Event, EventName, Retry};
    /// # struct UserCreated;
    /// # impl Event for UserCreated { const NAME: EventName = EventName::new("user.created"); }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// let bus = Bus::builder().on_dead_letter(|letter| eprintln!("{letter}")).build();
    /// let failing = bus.consumer("mailer").handle::<UserCreated>(|_, _| async { Err("no server") });
    /// failing.retry(Retry::never()).start().await?;
    /// bus.publish(UserCreated).await?;
    /// bus.drained(Duration::from_secs(5)).await?;
    ///
    /// for letter in bus.dead_letters().list().await? {
    ///     bus.dead_letters().replay(&letter.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn dead_letters(&self) -> DeadLetters<'_> {
        DeadLetters(self.publishing())
    }
}

/// The dead letters of a bus; made by [`Bus::dead_letters`](crate::Bus::dead_letters).
pub struct DeadLetters<'b>(&'b Publishing);

/// Dead letters, and where the next ones begin; see [`DeadLetters::page`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DeadLetterPage {
    /// The letters, oldest first.
    pub letters: Vec<DeadLetter>,
    /// After which letter the next page begins; `None` at the end.
    pub next: Option<LetterId>,
}

/// How many letters a page has where all are walked through.
const PAGE: usize = 256;

impl DeadLetters<'_> {
    /// A page of letters, oldest first: at most `limit` of those after `after`, of one group or of all.
    ///
    /// # Errors
    ///
    /// [`DeadLetterError`] if the transport cannot list them.
    pub async fn page(
        &self,
        group: Option<&str>,
        after: Option<&LetterId>,
        limit: usize,
    ) -> Result<DeadLetterPage, DeadLetterError> {
        let publishing = self.0;
        if !publishing.capabilities.dead_letters {
            let from = after.and_then(number_of).unwrap_or(0);
            let letters = publishing.dead.page(group, from, limit);
            let next = letters.last().filter(|_| letters.len() == limit).map(|last| last.id.clone());
            return Ok(DeadLetterPage { letters, next });
        }
        let mut query = LetterQuery::default();
        (query.group, query.after, query.limit) = (group.map(Arc::from), after.cloned(), limit);
        let answer = asked(|| publishing.transport.dead_letters(query)).await;
        let page = match answer {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => return Err(self.failed(error)),
            Err(panic) => return Err(self.failed((*panic).into())),
        };
        Ok(DeadLetterPage { letters: page.letters.into_iter().map(DeadLetter::of).collect(), next: page.next })
    }

    /// All letters, oldest first. Of many, [`page`](Self::page) needs less memory.
    ///
    /// # Errors
    ///
    /// [`DeadLetterError`] if the transport cannot list them.
    pub async fn list(&self) -> Result<Vec<DeadLetter>, DeadLetterError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.page(None, after.as_ref(), PAGE).await?;
            all.extend(page.letters);
            if page.next.is_none() {
                return Ok(all);
            }
            self.go_on(&mut after, page.next).await?;
        }
    }

    /// Delivers a dead letter again, to the group in which it failed and no other. Its attempts count from 1.
    ///
    /// # Errors
    ///
    /// [`ReplayError`]; it stays a dead letter then.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the letter is a dead letter again, and may be delivered, too.
    pub async fn replay(&self, id: &LetterId) -> Result<(), ReplayError> {
        let publishing = self.0;
        if publishing.capabilities.dead_letters {
            return self.end(id, LetterEnd::Replay).await.map_err(|error| match error.downcast_ref() {
                Some(LetterError::NotFound) => ReplayError::Unknown { id: id.clone() },
                Some(LetterError::Full { group }) => ReplayError::Full { id: id.clone(), group: Arc::clone(group) },
                None => ReplayError::Transport(self.failed(error)),
            });
        }
        let Some(letter) = publishing.dead.take(id) else { return Err(ReplayError::Unknown { id: id.clone() }) };
        let (group, message) = (Arc::clone(&letter.group), letter.message.clone());
        let mut away = Away { store: &publishing.dead, letter: Some(letter) };
        if publishing.is_closed_for(false) {
            return Err(ReplayError::Closed { id: id.clone() });
        }
        let answer = asked(|| publishing.transport.redeliver(&group, message)).await;
        let refusal = match answer {
            Ok(Ok(())) => {
                let letter = away.letter.take();
                // Its event is foreign code.
                let _ = isolate(|| drop(letter));
                return Ok(());
            }
            Ok(Err(refusal)) => refusal,
            Err(panic) => Refusal::Failed((*panic).into()),
        };
        Err(match refusal {
            Refusal::Full { .. } => ReplayError::Full { id: id.clone(), group },
            Refusal::Closed => ReplayError::Closed { id: id.clone() },
            other => {
                let reason = format!("{other:?}");
                publishing.notices.error(Operation::DeadLetters, Some(&group), reason.clone());
                ReplayError::Refused { id: id.clone(), group, reason }
            }
        })
    }

    /// Replays all letters for which `filter` says so, of those that are there when it is called; returns how many.
    ///
    /// # Errors
    ///
    /// [`ReplayWhereError`] of the first letter that is refused; those before it have been replayed.
    pub async fn replay_where(&self, mut filter: impl FnMut(&DeadLetter) -> bool) -> Result<usize, ReplayWhereError> {
        // Their ids first: one that is replayed and fails at once is a new letter behind them, without end.
        let (mut ids, mut after) = (Vec::new(), None);
        loop {
            let page = self.page(None, after.as_ref(), PAGE).await?;
            ids.extend(page.letters.into_iter().filter(|letter| filter(letter)).map(|letter| letter.id));
            if page.next.is_none() {
                break;
            }
            self.go_on(&mut after, page.next).await?;
        }
        let mut count = 0;
        for id in &ids {
            match self.replay(id).await {
                Ok(()) => count += 1,
                Err(error) => ReplayWhereError::of(error).map_or(Ok(()), Err)?,
            }
            tokio::task::coop::consume_budget().await;
        }
        Ok(count)
    }

    /// Removes a dead letter for good.
    ///
    /// # Errors
    ///
    /// [`DiscardError::Unknown`] if there is none, [`DiscardError::Transport`] if the transport cannot remove it.
    pub async fn discard(&self, id: &LetterId) -> Result<(), DiscardError> {
        let publishing = self.0;
        if publishing.capabilities.dead_letters {
            return self.end(id, LetterEnd::Discard).await.map_err(|error| match error.downcast_ref() {
                Some(LetterError::NotFound) => DiscardError::Unknown { id: id.clone() },
                // Nothing needs room to be removed: a failure of the transport.
                Some(LetterError::Full { .. }) | None => DiscardError::Transport(self.failed(error)),
            });
        }
        let Some(letter) = publishing.dead.take(id) else { return Err(DiscardError::Unknown { id: id.clone() }) };
        // Its event is foreign code.
        let _ = isolate(|| drop(letter));
        Ok(())
    }

    /// The letters that this bus keeps in memory, oldest first; none where the transport keeps them.
    pub fn in_memory(&self) -> Vec<DeadLetter> {
        self.0.dead.page(None, 0, usize::MAX)
    }

    async fn end(&self, id: &LetterId, end: LetterEnd) -> Result<(), BoxError> {
        let publishing = self.0;
        let ids = [id.clone()];
        let answer = asked(|| publishing.transport.end_letters(&ids, end)).await;
        match answer {
            Ok(mut results) => results.pop().unwrap_or_else(|| Err("the transport gave no result".into())),
            Err(panic) => Err((*panic).into()),
        }
    }

    /// Goes to the next page. A transport that gives the same one again and again, or all pages at once, must not hold the thread.
    async fn go_on(&self, after: &mut Option<LetterId>, next: Option<LetterId>) -> Result<(), DeadLetterError> {
        if *after == next {
            return Err(self.failed("the next page of dead letters begins where this one does".into()));
        }
        *after = next;
        tokio::task::coop::consume_budget().await;
        Ok(())
    }

    fn failed(&self, error: BoxError) -> DeadLetterError {
        let reason = crate::listener::ErrorText::with_sources(&*error).to_string();
        self.0.notices.error(Operation::DeadLetters, None, error);
        DeadLetterError::new(reason)
    }
}

impl fmt::Debug for DeadLetters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.in_memory()).finish()
    }
}
