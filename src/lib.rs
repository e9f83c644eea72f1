//! A statically typed event bus.
//!
//! A struct becomes an event with [`#[derive(Event)]`](derive@Event); [`Bus::on`] registers a listener for it by its type;
//! [`Bus::emit`] runs the listeners and gives back a [`Report`] of how each of them ended.
//!
//! ```
//! use eventbus::{Bus, Event};
//!
//! #[derive(Event)]
//! struct UserCreated {
//!     email: String,
//! }
//!
//! let bus = Bus::new();
//! bus.on::<UserCreated>(|e| println!("welcome, {}", e.email));
//!
//! let report = bus.emit(UserCreated { email: "ada@example.org".into() }).blocking();
//! assert!(report.is_ok());
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! |---|---|
//! | say what an event is | [`Event`], its derive, [`EventName`], [`EventType`] |
//! | listen | [`Bus::on`], [`Bus::on_async`], [`Bus::listener`] for options, [`Subscription`], [`Scope`] |
//! | let a service listen as a whole | [`#[listeners]`](macro@listeners), [`Bus::register`], [`Module`] |
//! | emit | [`Bus::emit`], [`Emit`], [`Emitter`] |
//! | emit after the commit, or not at all | [`Bus::deferred`], [`Deferred`], [`Release`], [`Released`] |
//! | know how it went | [`Report`], [`Failure`], [`Outcome`], [`EmitError`], [`BusBuilder::on_failure`] |
//! | read events as a stream, or await the next one | [`Bus::stream`], [`Bus::stream_name`], [`EventStream`], [`Lagged`], [`Bus::next`] |
//! | see the emission from a listener | [`Context`] |
//! | work with names known at run time | [`Bus::on_name`], [`Pattern`], [`Bus::declare`], [`Bus::emit_name`], [`AnyEvent`] |
//! | put spans, metrics, checks or transactions around what runs | [`Interceptor`], [`BusBuilder::intercept`], [`Around`] |
//! | list the events of a library or module without a bus | [`EventSet`], [`Bus::declare_all`] |
//! | queue events to consumer groups | [`Bus::publish`], [`Bus::consumer`], [`Retry`], [`Delivery`], [`Bus::dead_letters`], [`Bus::shutdown`] |
//! | write them in another format than JSON | `Codec`, `BusBuilder::codec` (feature `serde`) |
//! | carry them elsewhere | [`Transport`], [`Source`], [`Message`], [`Memory`] |
//! | see what is wired | [`Bus::catalog`], [`Bus::explain`], [`Bus::listeners`], [`Bus::stats`] |
//!
//! # Words
//!
//! An **event** is a fact, a struct that implements [`Event`]; its **name** is dotted, such as `user.created`. A **listener** is
//! code that **emit** runs for an event; registering one gives a **subscription**. An emission ends with a **report**. To **publish** an
//! event is to hand it to the **transport**; a **consumer** is a named group of **handlers**, which get **deliveries**.
//!
//! # Features
//!
//! `derive` (the macros), by default; `rate-limit` (of consumers), `serde` (events as bytes: JSON, by name, and other formats by a
//! codec), `schema` (their JSON Schemas), and `redis` (Redis Streams as the transport; `redis-tls` for `rediss://` URLs). Async
//! listeners work on any executor; what needs a timer or a pool of threads needs a tokio runtime.
//!
//! # Promises
//!
//! A listener that panics or fails never stops another one. No lock is held while a listener runs: it may do anything to the
//! bus. An emission calls the listeners that were registered when it began, once each, except those that are gone when
//! their turn comes. Synchronous listeners run first, by priority and registration; async ones run inside the emitting
//! task, and stop with it. What does not finish well is in the report, and what nobody reads there reaches the failure hook.
//!
//! A published event that was accepted is handled, a dead letter, dropped by a stated policy, or handed back at the shutdown: the
//! ledger in [`Bus::stats`] adds up. Queues are bounded, and a handler that publishes never waits for room. A shutdown drains
//! before it cancels. Delivery is at least once: a handler may see the same [`Delivery::id`] again.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "rate-limit")]
pub use eventbus_core::Rate;
pub use eventbus_core::{
    Answer, AttemptError, Batch, BatchHandlerFn, BatchReturn, BoxFuture, BusHealth, Capabilities, Consumer,
    ConsumerBuilder, ConsumerError, ConsumerHealth, DeadLetter, DeadLetterError, DeadLetterPage, DeadLetters,
    Deliveries, Delivery, Durability, EventStream, Failed, FailedAttempt, GroupSpec, GroupState, GroupStats, Handler,
    HandlerFn, KeyFn, Lagged, LeaseId, Leased, Letter, LetterEnd, LetterError, LetterId, LetterPage, LetterQuery,
    Memory, Message, MessageId, NameHandlerFn, NameStateHandlerFn, Next, NoEvent, NoHandlerState, NoSuchGroup,
    NotDrained, Operation, Overflow, Publish, PublishAll, PublishError, PublishNotice, Published, Read, Refusal,
    RemoveError, ReplayError, Retry, ReturnedMessage, Settlement, ShutdownReport, Source, Start, StateHandlerFn,
    StopReport, StreamFull, Transport, TransportError, TransportHealth, TransportOrdering, TransportReports,
    Unconsumed, Unfinished, Unhandled, Unpublished, Unrouted, UnroutedEvent, Unsettled, UpcastError, Wants, WithState,
};
pub use eventbus_core::{
    AnyEvent, AnyKind, Around, AsyncContextListener, AsyncContextStateListener, AsyncListener,
    AsyncNameContextListener, AsyncNameContextStateListener, AsyncNameListener, AsyncNameStateListener,
    AsyncStateListener, Blocks, BoxError, Bus, BusBuilder, ByName, ByNameError, CallEnd, Catalog, CatalogEvent,
    CatalogListener, Chain, Context, ContextListener, ContextStateListener, Deferred, DeferredPublish, DeferredStats,
    EmissionId, EmissionInfo, Emit, EmitAny, EmitError, Emitter, Event, EventName, EventSet, EventType, Explanation,
    Failure, Field, Inline, InsideEmission, Intercepted, Interceptor, IntoEvent, Kind, Listener, ListenerId,
    ListenerInfo, ListenerKind, Module, NameContextListener, NameContextStateListener, NameError, NameListener,
    NameStateListener, NameTaken, NoContext, NoState, NotRun, Ok, Outcome, Pattern, PatternError, PatternErrorKind,
    Release, ReleaseError, Released, Report, Return, Returned, Scope, ScopeGuard, Spawned, StateListener, Stats,
    Subscription, SubscriptionGuard, SyncListener, Timed, Topic, WeakBus, WiringError, With, WithContext,
};
#[cfg(feature = "serde")]
pub use eventbus_core::{
    AsyncApiInfo, Codec, DecodeCategory, DecodeError, Decoded, Encodable, EncodeError, EventCodec, Json, JsonError,
    Serde,
};
pub use eventbus_core::{EmitHandle, InFlight};
#[cfg(feature = "schema")]
pub use eventbus_core::{HasSchema, Schema};
#[cfg(feature = "serde")]
pub use eventbus_core::{MalformedMessage, PublishJson, WriteError};
#[cfg(feature = "derive")]
pub use eventbus_derive::{Event, derive_event, listeners, on};
/// Redis Streams as the transport: [`RedisStreams`](redis::RedisStreams).
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use eventbus_redis as redis;

/// Runs the code of the README, and of what the macros say of themselves.
#[cfg(all(doctest, feature = "derive", feature = "serde"))]
mod run {
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[doc = include_str!("../eventbus-derive/docs/event.md")]
    struct DeriveEvent;

    #[doc = include_str!("../eventbus-derive/docs/derive_event.md")]
    struct DeriveEventOfFrameworks;

    #[doc = include_str!("../eventbus-derive/docs/listeners.md")]
    struct Listeners;

    #[doc = include_str!("../eventbus-derive/docs/on.md")]
    struct On;
}
