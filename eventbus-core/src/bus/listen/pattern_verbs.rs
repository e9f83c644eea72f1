//! The verbs `on`, `on_async` and `on_blocking` for listeners by pattern: one set for each shape of their arguments, as for
//! types.

use super::{Blocks, ByPattern, Inline, Listener, NoContext, NoState, With, WithContext, code};
use crate::{
    call::{AnyEvent, CallContext},
    emission::{
        AsyncPatternContextListener, AsyncPatternContextStateListener, AsyncPatternListener, AsyncPatternStateListener,
        Context, PatternContextListener, PatternContextStateListener, PatternListener, PatternStateListener, WeakBus,
    },
    listener::{ListenerKind, Return},
    registry::Subscription,
};

/// Writes the three verbs for listeners of one shape: `(state, bus, event, context)` is what a call has, `$arg` what it
/// passes on.
macro_rules! verbs {
    (
        [$($param:ident),*] $state:ty, $context:ty: $sync:path, $async:path;
        |$given:pat_param, $bus:pat_param, $event:ident, $call:pat_param| ($($arg:expr),+), ($($async_arg:expr),+)
    ) => {
        impl<K, $($param: Clone + Send + Sync + 'static),*> Listener<'_, ByPattern, K, $state, $context> {
            /// Registers `listener` to run on the emitting thread.
            pub fn on(self, listener: impl $sync) -> Subscription
            where
                K: Inline,
            {
                let Self { target, options, state: $given, .. } = self;
                let $bus = target.weak_bus();
                let code = code::sync_by_pattern(move |$event: &AnyEvent<'_>, $call: &mut CallContext<'_>| {
                    listener($($arg),+).into_result()
                });
                target.register_by_pattern(options, ListenerKind::Sync, code)
            }

            /// Registers `listener` to run inside the emitting task, concurrently with the other async ones.
            pub fn on_async(self, listener: impl $async) -> Subscription {
                let Self { target, options, state: $given, .. } = self;
                let $bus = target.weak_bus();
                let code = code::future_by_pattern(move |$event, $call: &mut CallContext<'_>| listener($($async_arg),+));
                target.register_by_pattern(options, ListenerKind::Async, code)
            }

            /// Registers `listener` to run where it may block: on the runtime's blocking pool if the emission is awaited,
            /// on the emitting thread if that blocks anyway.
            pub fn on_blocking(self, listener: impl $sync) -> Subscription
            where
                K: Blocks,
            {
                let Self { target, options, state: $given, .. } = self;
                let $bus = target.weak_bus();
                let code = code::blocking_by_pattern(move |$event: &AnyEvent<'_>, $call: &mut CallContext<'_>| {
                    listener($($arg),+).into_result()
                });
                target.register_by_pattern(options, ListenerKind::Blocking, code)
            }
        }
    };
}

/// The context of a call for any event.
fn context(bus: &WeakBus, event: &AnyEvent<'_>, call: &mut CallContext<'_>) -> Context {
    Context::new(bus, event.subject().clone(), call)
}

verbs! { [] NoState, NoContext: PatternListener, AsyncPatternListener; |_, _, event, _| (event), (event) }
verbs! { [S] With<S>, NoContext: PatternStateListener<S>, AsyncPatternStateListener<S>;
|With(state), _, event, _| (state.get().clone(), event), (state.get().clone(), event) }
verbs! { [] NoState, WithContext: PatternContextListener, AsyncPatternContextListener;
|_, bus, event, call| (event, &context(&bus, event, call)), (event.clone(), context(&bus, &event, call)) }
verbs! { [S] With<S>, WithContext: PatternContextStateListener<S>, AsyncPatternContextStateListener<S>;
|With(state), bus, event, call| (state.get().clone(), event, &context(&bus, event, call)),
(state.get().clone(), event.clone(), context(&bus, &event, call)) }
