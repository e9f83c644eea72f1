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
//! The names at the root of the crate are those that most programs write; each module holds the rest of its topic.
//!
//! | to | see |
//! |---|---|
//! | say what an event is | [`Event`], its derive, [`EventName`]; [`event`] |
//! | listen | [`Bus::on`], [`Bus::listener`] for options, [`Subscription`], [`Scope`]; [`listener`] |
//! | let a service listen as a whole | [`#[listeners]`](macro@listeners), [`Bus::register`], [`Module`] |
//! | emit | [`Bus::emit`], [`Emit`], [`Emitter`]; [`emit`] |
//! | emit after the commit, or not at all | [`Bus::deferred`], [`Deferred`]; [`deferred`] |
//! | know how it went | [`Report`], [`Failure`], [`Outcome`], [`EmitError`], [`BusBuilder::on_failure`] |
//! | read events as a stream, or await the next one | [`Bus::stream`], [`Bus::stream_pattern`], [`EventStream`], [`Bus::next`]; [`stream`] |
//! | see the emission from a listener | [`Context`] |
//! | work with names known at run time | [`Bus::on_pattern`], [`Bus::declare`], [`Bus::emit_name`], [`AnyEvent`]; [`by_name`] |
//! | put spans, metrics, checks or transactions around what runs | [`BusBuilder::intercept`]; [`intercept`] |
//! | queue events to consumer groups | [`Bus::publish`], [`Bus::consumer`], [`Retry`], [`Delivery`], [`Bus::shutdown`]; [`publish`], [`consumer`] |
//! | list, replay and discard what has failed for good | [`Bus::dead_letters`], [`Failed`]; [`dead_letter`] |
//! | write events in another format than JSON | `BusBuilder::codec` (feature `serde`); `codec` |
//! | carry them elsewhere | [`BusBuilder::transport`]; [`transport`] |
//! | assert what was emitted, fake it, let listeners fail; test under many schedules | `testing::Recorder`, `testing::explore` (feature `testing`) |
//! | see what is wired | [`Bus::catalog`], [`Bus::explain`], [`Bus::listener_infos`], [`Bus::declare_all`]; [`catalog`] |
//! | see what is going on | [`Bus::stats`], [`Bus::health`]; [`stats`] |
//! | be told of what may be a mistake | [`BusBuilder::on_warning`]; [`warning`] |
//! | see what caused what | [`BusBuilder::trace`], [`Bus::trace`]; [`trace`] |
//!
//! The [`guide`] goes through all of it, a page for each topic.
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
//! codec), `schema` (their JSON Schemas), `redis` (Redis Streams as the transport; `redis-tls` for `rediss://` URLs), `tracing` and
//! `metrics` (spans, counters and histograms of those crates for all that a bus does), and `testing` (for `[dev-dependencies]`). Async
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

pub mod by_name;
pub mod catalog;
#[cfg(feature = "serde")]
pub mod codec;
pub mod consumer;
pub mod dead_letter;
pub mod deferred;
pub mod emit;
pub mod event;
#[cfg(feature = "derive")]
pub mod guide;
pub mod intercept;
pub mod listener;
pub mod prelude;
pub mod publish;
pub mod stats;
pub mod stream;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
pub mod trace;
pub mod transport;
pub mod warning;

#[cfg(feature = "rate-limit")]
pub use eventbus_core::Rate;
// The names that every program needs. What is added goes into a module; `tests/house/public_names.rs` holds the list.
pub use eventbus_core::{
    AnyEvent, BoxError, Bus, BusBuilder, Consumer, Context, Deferred, Delivery, Emit, EmitError, Emitter, Event,
    EventName, EventStream, Failed, Failure, Module, Ok, Outcome, Overflow, Publish, PublishError, Report, Retry,
    Scope, ScopeGuard, ShutdownReport, Subscription, SubscriptionGuard, WeakBus, WiringError,
};
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

    #[doc = include_str!("../docs/macros/event.md")]
    struct DeriveEvent;

    #[doc = include_str!("../docs/macros/derive_event.md")]
    struct DeriveEventOfFrameworks;

    #[doc = include_str!("../docs/macros/listeners.md")]
    struct Listeners;

    #[doc = include_str!("../docs/macros/on.md")]
    struct On;
}
