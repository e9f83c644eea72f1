//! Waiting for a source that fails, or that says at once that something came and has nothing.

use std::{pin::pin, time::Duration};

use tokio::time::sleep;

use super::{leases::Leases, state::ConsumerState};
use crate::{event::isolate, publish::Contained};

const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often in a row a source may say at once that something came, while another worker takes it, before it is asked less
/// often.
const HASTY: u32 = 16;

/// How often a hasty source is asked.
const HASTY_PAUSE: Duration = Duration::from_millis(1);

/// How a worker waits for its source.
pub(super) struct Pace {
    pause: Duration,
    hasty: u32,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { pause: PAUSE, hasty: 0 }
    }

    /// The source has had something, whoever may handle it.
    pub(super) fn found_something(&mut self) {
        self.hasty = 0;
    }

    /// Waits until the source has something, or for a while after an error.
    pub(super) async fn arrival(&mut self, consumer: &ConsumerState) {
        consumer.found_nothing();
        let mut has_waited = false;
        let answer = {
            // Nothing is asked for. What comes all the same is not lost.
            let mut none = Leases::new(consumer, 0);
            match isolate(|| consumer.source.next(0, &mut none.batch)) {
                Ok(next) => {
                    let mut next = pin!(Contained::new(next));
                    let waiting = std::future::poll_fn(|cx| {
                        let polled = next.as_mut().poll(cx);
                        has_waited |= polled.is_pending();
                        polled
                    });
                    waiting.await
                }
                Err(panic) => Err(panic),
            }
        };
        match answer {
            Ok(Ok(_)) => {
                consumer.has_leased();
                self.pause = PAUSE;
                self.hasty = if has_waited { 0 } else { self.hasty.saturating_add(1) };
                match self.hasty {
                    0 | 1 => {}
                    2..HASTY => tokio::task::yield_now().await,
                    // It must not hold the thread.
                    _ => sleep(HASTY_PAUSE).await,
                }
            }
            Ok(Err(error)) => {
                consumer.read_failed(error);
                self.after_error().await;
            }
            Err(panic) => {
                consumer.read_failed(&*panic);
                self.after_error().await;
            }
        }
    }

    /// Waits for a while, longer each time.
    pub(super) async fn after_error(&mut self) {
        let pause = self.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        sleep(pause).await;
    }
}
