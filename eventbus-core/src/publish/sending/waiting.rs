//! What ends the waiting of who publishes.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    runtime::Handle,
    task::coop,
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{Attempt, BoxFuture, Payload, PublishError, Publishing, Refused, Sending, State};

/// Waiting, and what ends it.
pub(super) struct Waiting<'b> {
    for_what: For<'b>,
    stop: BoxFuture<'b, Stop>,
}

/// What is waited for.
enum For<'b> {
    Room(BoxFuture<'b, ()>),
    Answer(BoxFuture<'b, Vec<Result<(), Refused>>>),
}

/// What ended it.
pub(super) enum Stop {
    Closing,
    Cancelled,
    TimedOut,
}

/// When the time is up.
enum Timer {
    Never,
    At(Sleep),
    /// There is no runtime that could tell: then there is no waiting at all.
    Now,
}

impl<'b, P: Payload> Sending<'b, P> {
    /// The timer of the timeout, on the clock of the runtime that this runs in, or of the bus's own.
    fn timer(&mut self) -> Timer {
        let Some(timeout) = self.timeout else { return Timer::Never };
        let Some(runtime) = Handle::try_current().ok().or_else(|| self.bus.own_runtime()) else { return Timer::Now };
        let _entered = runtime.enter();
        if self.until.is_none() {
            // A time that cannot be told does not come.
            self.until = Instant::now().checked_add(timeout);
        }
        self.until.map_or(Timer::Never, |until| Timer::At(sleep_until(until)))
    }

    fn wait(&mut self, for_what: For<'b>) {
        let stop = if let Some(waiting) = self.waiting.take() {
            waiting.stop
        } else {
            let timer = self.timer();
            stop(self.publishing, &self.tokens, timer, self.is_sent())
        };
        self.waiting = Some(Waiting { for_what, stop });
    }

    fn wait_for_room(&mut self) {
        self.wait(For::Room(self.publishing.transport.ready()));
    }

    /// Sends the message, and waits for the answer. `None` if there is no waiting: then it is not sent.
    fn send(&mut self) -> Option<()> {
        if matches!(self.timer(), Timer::Now) {
            return None;
        }
        let State::Offered(message) = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("it has come back")
        };
        let sent = self.bytes.as_ref().unwrap_or(&message).clone();
        let answer = self.publishing.transport.publish(vec![sent]);
        self.state = State::Sent(message);
        // From here on other things end the waiting.
        self.waiting = None;
        self.wait(For::Answer(answer));
        Some(())
    }

    /// The answer of a transport that was sent the message.
    fn answered(&mut self, answer: Option<Result<(), Refused>>) -> Attempt<P::Back> {
        // What it waited with.
        self.waiting = None;
        let State::Sent(message) = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("it has been sent")
        };
        let silent = || Err(Refused::Unknown(message.clone(), "the transport gave no result".into()));
        match answer.unwrap_or_else(silent) {
            Ok(()) => {
                self.publishing.intake.accepted.add(1);
                Attempt::Ended(Ok(()))
            }
            Err(Refused::Full { wait: true, .. }) if !self.inside => {
                self.state = State::Offered(message);
                Attempt::Full
            }
            Err(refused) => Attempt::Ended(Err(self.refused(refused, Some(message)))),
        }
    }

    fn go_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PublishError<P::Back>>> {
        // Whether it has waited for room in this poll: what is said to be ready and is not again shall not hold the thread.
        let mut has_tried = false;
        loop {
            if let Some(waiting) = &mut self.waiting {
                let answered = match &mut waiting.for_what {
                    For::Room(room) => room.as_mut().poll(cx).map(|()| None),
                    For::Answer(answer) => answer.as_mut().poll(cx).map(|mut answers| Some(answers.pop())),
                };
                if (answered.is_pending() || has_tried && matches!(answered, Poll::Ready(None)))
                    && let Poll::Ready(stop) = waiting.stop.as_mut().poll(cx)
                {
                    return Poll::Ready(Err(self.stopped(&stop)));
                }
                match ready!(answered) {
                    None if has_tried => {
                        self.wait_for_room();
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    None => has_tried = true,
                    Some(answer) => match self.answered(answer) {
                        Attempt::Ended(result) => return Poll::Ready(result),
                        Attempt::Full | Attempt::WouldWait => {
                            self.wait_for_room();
                            continue;
                        }
                    },
                }
            }
            match self.attempt() {
                Attempt::Ended(result) => {
                    self.waiting = None;
                    return Poll::Ready(result);
                }
                Attempt::Full => self.wait_for_room(),
                Attempt::WouldWait if self.send().is_none() => return Poll::Ready(Err(self.stopped(&Stop::TimedOut))),
                Attempt::WouldWait => {}
            }
        }
    }
}

impl<P: Payload> Future for Sending<'_, P> {
    type Output = Result<(), PublishError<P::Back>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let is_new = match self.state {
            State::New(_) => true,
            State::Offered(_) | State::Sent(_) => false,
            State::Done => panic!("this event has been published, or handed back; it can be awaited once"),
        };
        if is_new {
            self.look_around();
        }
        // Who publishes on and on shall not keep those from the thread who consume it. A handler does not wait, not even for this.
        let budget = if self.inside { None } else { Some(ready!(coop::poll_proceed(cx))) };
        if is_new && let Err(error) = self.offer() {
            return Poll::Ready(Err(error));
        }
        let polled = self.go_on(cx);
        if let Some(budget) = budget.filter(|_| polled.is_ready()) {
            budget.made_progress();
        }
        polled
    }
}

/// The first of the things that end the waiting. What has been `sent` is waited for: a shutdown gives it its time.
fn stop<'b>(publishing: &'b Publishing, tokens: &[CancellationToken], timer: Timer, sent: bool) -> BoxFuture<'b, Stop> {
    let cancelled = tokens.iter().map(|token| Box::pin(token.clone().cancelled_owned()));
    let mut cancelled = first_of(cancelled.collect());
    Box::pin(async move {
        let over = async {
            match timer {
                Timer::Never => std::future::pending().await,
                Timer::At(sleep) => sleep.await,
                Timer::Now => {}
            }
        };
        tokio::select! {
            biased;
            () = publishing.closing.cancelled(), if !sent => Stop::Closing,
            () = &mut cancelled => Stop::Cancelled,
            () = over => Stop::TimedOut,
        }
    })
}

/// Waits for the first of them; for ever if there is none.
fn first_of(mut tokens: Vec<Pin<Box<WaitForCancellationFutureOwned>>>) -> impl Future<Output = ()> + Unpin {
    poll_fn(move |cx| {
        let is_ready = |token: &mut Pin<Box<WaitForCancellationFutureOwned>>| token.as_mut().poll(cx).is_ready();
        if tokens.iter_mut().any(is_ready) { Poll::Ready(()) } else { Poll::Pending }
    })
}
