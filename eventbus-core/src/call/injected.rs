//! What a test injects into a call: a delay before it, and an end that is not the listener's own. Empty without the feature
//! `testing`.

#[cfg(feature = "testing")]
pub(crate) use with_feature::{Injected, InjectedEnd};
#[cfg(not(feature = "testing"))]
pub(crate) use without_feature::Injected;

#[cfg(feature = "testing")]
mod with_feature {
    use std::{
        pin::Pin,
        sync::Arc,
        task::{Context, Poll, ready},
        time::Duration,
    };

    use tokio::time::{Sleep, sleep};

    use super::super::ListenerFuture;
    use crate::listener::BoxError;

    /// What a test makes of one call of a listener or handler.
    pub(crate) struct Injected {
        pub(crate) delay: Duration,
        /// How the call ends without its code; `None` to run the code.
        pub(crate) end: Option<InjectedEnd>,
    }

    pub(crate) enum InjectedEnd {
        /// Makes the error.
        Failed(Arc<dyn Fn() -> BoxError + Send + Sync>),
        Panicked(Arc<str>),
    }

    impl InjectedEnd {
        /// Ends the call, as the code would.
        fn end(self) -> Result<(), BoxError> {
            match self {
                Self::Failed(error) => Err(error()),
                Self::Panicked(message) => panic!("{message}"),
            }
        }
    }

    impl Injected {
        /// This and another one for a call that both are for: the longer delay, and the first end.
        pub(crate) fn and(self, other: Self) -> Self {
            Self { delay: self.delay.max(other.delay), end: self.end.or(other.end) }
        }

        /// The end of a call that cannot wait, unless its code is to run.
        pub(crate) fn end_at_once(self) -> Option<Result<(), BoxError>> {
            self.end.map(InjectedEnd::end)
        }

        /// The future of a listener's call. Its code is not called for one if it is not to run.
        pub(crate) fn around(self, make: impl FnOnce() -> ListenerFuture) -> ListenerFuture {
            let Self { delay, end } = self;
            let then = match end {
                Some(end) => Then::End(Some(end)),
                None => Then::Run(make()),
            };
            Box::pin(InjectedFuture { delay, sleep: None, then })
        }

        /// Runs before the code of a handler; it is not to run after an error.
        pub(crate) async fn before(self) -> Result<(), BoxError> {
            sleep(self.delay).await;
            self.end.map_or(Ok(()), InjectedEnd::end)
        }
    }

    /// A listener's future behind a delay. Written by hand: an async block that panics drops what it holds while it unwinds.
    struct InjectedFuture {
        delay: Duration,
        /// Made by the first poll: only then is the runtime known that the future is polled in.
        sleep: Option<Pin<Box<Sleep>>>,
        then: Then,
    }

    enum Then {
        Run(ListenerFuture),
        End(Option<InjectedEnd>),
    }

    impl Future for InjectedFuture {
        type Output = Result<(), BoxError>;

        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            let Self { delay, sleep: timer, then } = &mut *self;
            if !delay.is_zero() {
                ready!(timer.get_or_insert_with(|| Box::pin(sleep(*delay))).as_mut().poll(cx));
                (*delay, *timer) = (Duration::ZERO, None);
            }
            match then {
                Then::Run(future) => future.as_mut().poll(cx),
                Then::End(end) => Poll::Ready(end.take().map_or(Ok(()), InjectedEnd::end)),
            }
        }
    }
}

#[cfg(not(feature = "testing"))]
mod without_feature {
    use super::super::ListenerFuture;
    use crate::listener::BoxError;

    /// Never made.
    pub(crate) enum Injected {}

    impl Injected {
        pub(crate) fn end_at_once(self) -> Option<Result<(), BoxError>> {
            match self {}
        }

        pub(crate) fn around(self, _make: impl FnOnce() -> ListenerFuture) -> ListenerFuture {
            match self {}
        }
    }
}
