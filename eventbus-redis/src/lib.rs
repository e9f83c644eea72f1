//! Redis Streams as the transport of `eventbus`: published events outlive the process and reach consumer groups in all processes.
//!
//! Needs Redis 7.0 or later, or Valkey. No command is used that is newer, also where the server has some: those that came since
//! (`XACKDEL`, `XREADGROUP .. CLAIM`, `IDMP`) would change what is promised. The tests run against Redis 7.0.15; the conformance
//! suite, and the tests of faults and of trimming, have passed with Redis 8.6.2 and Valkey 9.1.2, too. A cluster is not supported, though all keys of a transport lie in one slot.
//!
//! # Quick start
//!
//! ```no_run
//! use std::{sync::Arc, time::Duration};
//!
//! use eventbus::{Bus, Delivery, Event, Retry};
//! use eventbus_redis::RedisStreams; // `eventbus::redis::RedisStreams` with the feature `redis`
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Event, Serialize, Deserialize)]
//! #[event(name = "user.created", serde)]
//! struct UserCreated {
//!     email: String,
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = RedisStreams::builder("redis://127.0.0.1").max_len(1_000_000).connect().await?;
//! let bus = Bus::builder().transport(transport).build();
//! let mailer = bus
//!     .consumer("mailer")
//!     .handle::<UserCreated>(|user: Arc<UserCreated>, _: Delivery| async move { println!("welcome, {}", user.email) })
//!     .retry(Retry::exponential(Duration::from_millis(100)).max_attempts(5))
//!     .start()
//!     .await?;
//! bus.publish(UserCreated { email: "ada@example.org".into() }).await?;
//! bus.shutdown(Duration::from_secs(25)).await;
//! # drop(mailer);
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! | | |
//! |---|---|
//! | delivery | At least once to each group that exists when the message is published, or begins before it ([`Start`]; a time is that of the entries, when the server got them). Exactly once is not promised: handlers see a [`Delivery::id`] again after a process has died, or an answer was lost. |
//! | durability | As the server's: `appendfsync always` loses nothing acknowledged, `everysec` up to about a second with the machine's power, no append-only file everything. Replication is asynchronous: a failover may lose what was acknowledged. |
//! | publish | One round trip for a batch, an answer for each message. `Unknown` was sent and not answered; after any other error the message is surely not there. |
//! | order | That of publishing, for a group that is read by one process; after a failed attempt or a process's death, what comes again comes first, in its old order; but what has run out twice comes alone, perhaps behind newer messages. With several processes it holds within a key, over [partitions](RedisStreamsBuilder::partitions); without them a group of several processes has no order. |
//! | leases | A message of a process that has died goes to another one after [`lease`](RedisStreamsBuilder::lease). While a process lives its leases are extended, however long a handler takes. A consumer that stops gives back at once. What a process held when it died counts as handed out: after twice as many such deaths as [`Retry`] makes attempts, and three at least, it is a dead letter. What has run out twice is handed out alone, one such message at a time in a process, so that one that kills its process again and again takes no healthy ones along. |
//! | fencing | None for what is handled: a process that was frozen for longer than a lease may acknowledge what another one handles by now. What it gives back or buries is refused. |
//! | retries | The bus waits and retries; attempts and deliveries are kept on the server. |
//! | delays | Never early by the server's clock, up to a second late, as long as any process with a consumer or with a delayed publish runs. |
//! | duplicates | What is published with [`Publish::dedupe`] is taken once for its window, whichever process publishes it. Each id is a key of its own until its window is over: their number is bounded by that only. |
//! | dead letters | In a stream of their own, moved there in one step. The oldest ones go beyond [`max_dead_letters`](RedisStreamsBuilder::max_dead_letters). |
//! | retention | About [`max_len`](RedisStreamsBuilder::max_len) entries, read or not. What is trimmed before a group has read it is lost for the group, and counted in [`GroupState::trimmed`], twice a second and before a source begins, and at the latest when the group has read all; it is `None` after somebody has deleted entries, and for a group that has begun among the entries ([`Start::At`]) and not read since. What is trimmed while a handler holds it is not lost. |
//! | lost groups | A group that was destroyed, or went with the whole data set, is made again from where it began, and told once as an error. |
//! | bounds | None for a group: [`max_len`](RedisStreamsBuilder::max_len) bounds the stream. |
//! | waiting | No call waits without a limit: 5 seconds for a connection, 10 for an answer, unless said otherwise. |
//!
//! # Order over processes
//!
//! With [`partitions`](RedisStreamsBuilder::partitions), what is published with a key goes to one of so many streams, by a hash of the
//! key (FNV-1a of 64 bits, modulo the number of partitions, plus one). In each group a partition has one owner, who alone reads it,
//! and the partitions are shared evenly between the group's processes. When a process joins, some are handed over as soon as nothing
//! of them is leased; when one stops, as soon as it has settled or given back what it holds; when one dies, after the lease. A new
//! owner gets first what the old one has left, in its old order.
//!
//! Within a process the bus keeps the order of the key that [`ConsumerBuilder::key`] says; publish with the same key
//! ([`Publish::key`]). The order does not hold for a process that was frozen for longer than a lease and still runs a handler, for
//! what a dead letter's replay delivers again, for delayed messages (they come in the order in which they are due), and for what
//! other programs append to `events` themselves: they append to `{events}:partition:<n>`. What has no key is shared among all processes.
//!
//! # The entries
//!
//! One stream, `events`, holds all events. An entry has one field for each attribute of [CloudEvents 1.0], and `data`, the event as
//! JSON. Only `type` and `data` are needed, so any program can publish, and read what is published:
//!
//! ```text
//! redis-cli XADD events '*' type user.created data '{"email":"ada@example.org"}'
//! redis-cli XRANGE events - + COUNT 10
//! redis-cli XINFO GROUPS events
//! ```
//!
//! | field | |
//! |---|---|
//! | `type` | the event's name; `name.vN` from version 2 on |
//! | `data` | JSON, 1 MiB at most |
//! | `id`, `source`, `time` | without them: made of the entry's id, `unknown`, the entry's time |
//! | `specversion`, `datacontenttype` | written, not read |
//! | `partitionkey` | the key within which order matters |
//! | `correlationid`, `causationid`, `hops` | of what a handler publishes |
//! | `notbefore` | of a delayed message: milliseconds since 1970 |
//!
//! Attributes have 1 KiB at most, an entry 64 fields. What does not keep to that is a dead letter with the reason, and stops nothing.
//! Names that come off the wire make no keys.
//!
//! # The keys
//!
//! | key | |
//! |---|---|
//! | `events` | the stream, with a consumer group for each group of the bus |
//! | `{events}:partition:<n>` | the stream of a partition |
//! | `{events}:config` | the number of partitions; delete it, when nothing is left to read, to choose another one |
//! | `{events}:delayed` | delayed messages, a sorted set |
//! | `{events}:id:<id>` | set while a message with this id is a duplicate |
//! | `{events}:dead` | dead letters, a stream: the message's fields, and `deadgroup`, `deadreason`, `deadattempts`, `deadtime`, `deadposition` |
//! | `{events}:group:<group>:queue`, `leased`, `body`, `counts` | what was given back, is to be retried later, or was replayed; for a partition `<n>:queue` and so on |
//! | `{events}:group:<group>:wake` | wakes a reader that waits |
//! | `{events}:group:<group>:info` | where the group begins, and its counters |
//! | `{events}:group:<group>:members`, `owners` | the group's consumers, and which partition is whose |
//! | `{events}:group:<group>:removed` | for a minute after its removal |
//!
//! ```text
//! redis-cli XRANGE '{events}:dead' - + COUNT 10
//! redis-cli HGETALL '{events}:group:mailer:info'
//! ```
//!
//! # Round trips
//!
//! Publishing a batch, leasing a batch, settling a batch and extending leases take one each. A read that finds entries which the
//! group does not want takes one more, to acknowledge them; what comes again takes one more. Publishing has a connection of its
//! own, all consumers of a transport share another, and each consumer has one that waits for entries.
//!
//! # The server
//!
//! Beyond the commands for streams, sorted sets and hashes it needs `EVALSHA` and `SCRIPT LOAD`. `CLIENT ID`, `CLIENT UNBLOCK` and
//! `CLIENT KILL` make stops and reconnects faster, and `CONFIG GET` and `INFO` tell durability and version; without the right to use
//! them all works but `CLIENT ID`, which is needed. Set `maxmemory-policy noeviction`: with another one the server may evict the stream.
//!
//! # Features
//!
//! `tls` allows `rediss://` URLs, by rustls and the system's root certificates. If the program has not chosen a provider of
//! cryptography for rustls, `ring` is chosen for the process.
//!
//! [CloudEvents 1.0]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
//! [`Start`]: eventbus_core::Start
//! [`Delivery::id`]: eventbus_core::Delivery::id
//! [`Retry`]: eventbus_core::Retry
//! [`ConsumerBuilder::key`]: eventbus_core::ConsumerBuilder::key
//! [`Publish::key`]: eventbus_core::Publish::key
//! [`Publish::dedupe`]: eventbus_core::Publish::dedupe
//! [`GroupState::trimmed`]: eventbus_core::GroupState::trimmed
//! [`Start::At`]: eventbus_core::Start::At

#![forbid(unsafe_code)]

mod background;
mod builder;
mod entry;
mod error;
mod found;
mod groups;
mod lease;
mod letters;
mod link;
mod names;
mod ownership;
mod publish;
mod reader;
mod reading;
mod recovery;
mod reply;
mod script;
mod settle;
mod shared;
mod source;
mod transport;

pub use builder::RedisStreamsBuilder;
pub use error::ConnectError;
pub use transport::RedisStreams;
