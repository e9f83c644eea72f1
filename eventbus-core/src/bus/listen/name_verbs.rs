//! The verbs for listeners by name: one set for each shape of their arguments, as for types.

#[cfg(feature = "tokio")]
use super::Blocks;
use super::{ByName, Inline, Listener, NoContext, NoState, With, WithContext, verbs::boxed};
use crate::{
    dispatch::{
        AnyEvent, AsyncNameContextListener, AsyncNameContextStateListener, AsyncNameListener, AsyncNameStateListener,
        ByNameCode, NameCode, NameContextListener, NameContextStateListener, NameListener, NameStateListener, Scene,
    },
    listener::{ListenerKind, Return},
    registry::Subscription,
};

/// Writes the three verbs for listeners of one shape: `(state, event, scene)` is what a call has, `$arg` what it passes on.
macro_rules! verbs {
    (
        [$($param:ident),*] $state:ty, $context:ty: $sync:path, $async:path;
        |$given:pat_param, $event:ident, $scene:pat_param| ($($arg:expr),+), ($($async_arg:expr),+)
    ) => {
        impl<K, $($param: Clone + Send + Sync + 'static),*> Listener<'_, ByName, K, $state, $context> {
            /// Registers `listener` to run on the emitting thread.
            pub fn on(self, listener: impl $sync) -> Subscription
            where
                K: Inline,
            {
                let Self { target, options, state: $given, .. } = self;
                let code = move |$event: &AnyEvent<'_>, $scene: &Scene<'_>| listener($($arg),+).into_result();
                target.by_name(options, ListenerKind::Sync, |filter, departs| {
                    NameCode::Sync(Box::new(ByNameCode::new(filter, code, departs)))
                })
            }

            /// Registers `listener` to run inside the emitting task, concurrently with the other async ones.
            pub fn on_async(self, listener: impl $async) -> Subscription {
                let Self { target, options, state: $given, .. } = self;
                let kind = if options.spawned { ListenerKind::Spawned } else { ListenerKind::Async };
                let code = move |$event: AnyEvent<'static>, $scene: &Scene<'_>| boxed(listener($($async_arg),+));
                target.by_name(options, kind, |filter, departs| {
                    NameCode::Async(Box::new(ByNameCode::new(filter, code, departs)))
                })
            }

            /// Registers `listener` to run where it may block: on the runtime's blocking pool if the emission is awaited,
            /// on the emitting thread if that blocks anyway.
            #[cfg(feature = "tokio")]
            pub fn on_blocking(self, listener: impl $sync) -> Subscription
            where
                K: Blocks,
            {
                let Self { target, options, state: $given, .. } = self;
                let code = move |$event: &AnyEvent<'_>, $scene: &Scene<'_>| listener($($arg),+).into_result();
                target.by_name(options, ListenerKind::Blocking, |filter, departs| {
                    NameCode::Blocking(Box::new(ByNameCode::new(filter, code, departs)))
                })
            }
        }
    };
}

verbs! { [] NoState, NoContext: NameListener, AsyncNameListener; |_, event, _| (event), (event) }
verbs! { [S] With<S>, NoContext: NameStateListener<S>, AsyncNameStateListener<S>;
|With(state), event, _| (state.get().clone(), event), (state.get().clone(), event) }
verbs! { [] NoState, WithContext: NameContextListener, AsyncNameContextListener;
|_, event, scene| (event, &scene.context()), (event, scene.context()) }
verbs! { [S] With<S>, WithContext: NameContextStateListener<S>, AsyncNameContextStateListener<S>;
|With(state), event, scene| (state.get().clone(), event, &scene.context()), (state.get().clone(), event, scene.context()) }
