//! The verbs `on`, `on_async` and `on_blocking`, which end the registration of a listener: one set for each shape of its
//! arguments.

use super::{Blocks, Inline, Listener, NoContext, NoState, With, WithContext, code};
use crate::{
    call::CallContext,
    emission::{AsyncContextListener, AsyncContextStateListener, Context, ContextListener, ContextStateListener},
    event::Event,
    listener::{AsyncListener, AsyncStateListener, ListenerKind, Return, StateListener, Subject, SyncListener},
    registry::{SlotType, Subscription},
};

/// Writes the three verbs for listeners of one shape: `(state, bus, event, context)` is what a call has, `$arg` what it
/// passes on.
macro_rules! verbs {
    (
        [$($param:ident),*] $state:ty, $context:ty: $sync:path, $async:path;
        |$given:pat_param, $bus:pat_param, $event:ident, $call:pat_param| ($($arg:expr),+), ($($async_arg:expr),+)
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
                let $bus = target.weak_bus();
                let code = code::sync(move |$event: &E, $call: &mut CallContext<'_>| listener($($arg),+).into_result());
                target.register(options, ListenerKind::Sync, SlotType::of::<E>(), code)
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
                let $bus = target.weak_bus();
                let code = code::future(move |$event, $call: &mut CallContext<'_>| listener($($async_arg),+));
                target.register(options, ListenerKind::Async, SlotType::of::<E>(), code)
            }

            /// Registers `listener` to run where it may block: on the runtime's blocking pool if the emission is awaited,
            /// on the emitting thread if that blocks anyway.
            ///
            /// An emission that is stopped leaves it behind: it runs on, and may ask its context. One that still waits for a
            /// thread of the pool does not begin any more, and is reported as not run.
            ///
            /// # Panics
            ///
            /// Panics if another type with `E`'s name and version has been used on this bus.
            #[track_caller]
            pub fn on_blocking(self, listener: impl $sync) -> Subscription
            where
                K: Blocks,
            {
                let Self { target, options, state: $given, .. } = self;
                let $bus = target.weak_bus();
                let code = code::blocking(move |$event: &E, $call: &mut CallContext<'_>| listener($($arg),+).into_result());
                target.register(options, ListenerKind::Blocking, SlotType::of::<E>(), code)
            }
        }
    };
}

/// The context of a call for an event of type `E`.
fn context<E: Event>(bus: &crate::emission::WeakBus, call: &mut CallContext<'_>) -> Context {
    Context::new(bus, Subject::Typed(E::TYPE), call)
}

verbs! { [] NoState, NoContext: SyncListener<E>, AsyncListener<E>; |_, _, event, _| (event), (event) }
verbs! { [S] With<S>, NoContext: StateListener<S, E>, AsyncStateListener<S, E>;
|With(state), _, event, _| (state.get().clone(), event), (state.get().clone(), event) }
verbs! { [] NoState, WithContext: ContextListener<E>, AsyncContextListener<E>;
|_, bus, event, call| (event, &context::<E>(&bus, call)), (event, context::<E>(&bus, call)) }
verbs! { [S] With<S>, WithContext: ContextStateListener<S, E>, AsyncContextStateListener<S, E>;
|With(state), bus, event, call|
(state.get().clone(), event, &context::<E>(&bus, call)), (state.get().clone(), event, context::<E>(&bus, call)) }
