//! The verbs that end the registration of a listener: one set for each shape of its arguments.

#[cfg(feature = "tokio")]
use super::Blocks;
use super::{Inline, Listener, NoContext, NoState, With, WithContext};
use crate::{
    dispatch::{
        AsyncContextListener, AsyncContextStateListener, ContextListener, ContextStateListener, ListenerFuture,
    },
    event::Event,
    listener::{AsyncListener, AsyncStateListener, Return, StateListener, SyncListener},
    registry::Subscription,
};

/// The future of a listener in the form in which all are kept.
pub(super) fn boxed<T: Future<Output: Return> + Send + 'static>(future: T) -> ListenerFuture {
    Box::pin(async move { future.await.into_result() })
}

/// Writes the three verbs for listeners of one shape: `(state, event, scene)` is what a call has, `$arg` what it passes on.
macro_rules! verbs {
    (
        [$($param:ident),*] $state:ty, $context:ty: $sync:path, $async:path;
        |$given:pat_param, $event:ident, $scene:pat_param| ($($arg:expr),+), ($($async_arg:expr),+)
    ) => {
        impl<E: Event, K, $($param: Clone + Send + Sync + 'static),*> Listener<'_, E, K, $state, $context> {
            /// Registers `listener` to run on the emitting thread.
            ///
            /// # Panics
            ///
            /// Panics if another type with `E`'s name and version has been used on this bus.
            #[track_caller]
            pub fn on(self, listener: impl $sync) -> Subscription
            where
                K: Inline,
            {
                let Self { target, options, state: $given, .. } = self;
                target.sync(options, move |$event: &E, $scene| listener($($arg),+).into_result())
            }

            /// Registers `listener` to run inside the emitting task, concurrently with the other async ones.
            ///
            /// What it does before its first await runs at its turn.
            ///
            /// # Panics
            ///
            /// Panics if another type with `E`'s name and version has been used on this bus.
            #[track_caller]
            pub fn on_async(self, listener: impl $async) -> Subscription {
                let Self { target, options, state: $given, .. } = self;
                target.future(options, move |$event, $scene| boxed(listener($($async_arg),+)))
            }

            /// Registers `listener` to run where it may block: on the runtime's blocking pool if the emission is awaited,
            /// on the emitting thread if that blocks anyway.
            ///
            /// An emission that is stopped leaves it behind: it runs on, and may ask its context. One that has been started and
            /// still waits for a thread of the pool is called when there is one, also if the emission or the subscription has
            /// ended by then.
            ///
            /// # Panics
            ///
            /// Panics if another type with `E`'s name and version has been used on this bus.
            #[cfg(feature = "tokio")]
            #[track_caller]
            pub fn on_blocking(self, listener: impl $sync) -> Subscription
            where
                K: Blocks,
            {
                let Self { target, options, state: $given, .. } = self;
                target.blocking(options, move |$event: &E, $scene| listener($($arg),+).into_result())
            }
        }
    };
}

verbs! { [] NoState, NoContext: SyncListener<E>, AsyncListener<E>; |_, event, _| (event), (event) }
verbs! { [S] With<S>, NoContext: StateListener<S, E>, AsyncStateListener<S, E>;
|With(state), event, _| (state.get().clone(), event), (state.get().clone(), event) }
verbs! { [] NoState, WithContext: ContextListener<E>, AsyncContextListener<E>;
|_, event, scene| (event, &scene.context()), (event, scene.context()) }
verbs! { [S] With<S>, WithContext: ContextStateListener<S, E>, AsyncContextStateListener<S, E>;
|With(state), event, scene| (state.get().clone(), event, &scene.context()), (state.get().clone(), event, scene.context()) }
