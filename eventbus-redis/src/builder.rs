//! The builder of a transport: settings, and the first connection.

use std::{fmt, sync::Arc, time::Duration};

use eventbus_core::{BoxFuture, Durability};
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

use crate::{
    ConnectError, RedisStreams,
    error::{CommandError, describe},
    link::{Health, Link, LinkLimits},
    names::{StreamKeys, check_stream},
    reply::{count, into_pairs, into_text},
    script::{self, call},
    shared::{RedisSettings, Shared},
};

const CONNECT: &str = "connect";

/// The oldest version that is supported.
const OLDEST: u64 = 7;

/// Settings of a [`RedisStreams`]; made by [`RedisStreams::builder`].
#[must_use = "it does nothing until `connect`"]
pub struct RedisStreamsBuilder {
    url: String,
    settings: RedisSettings,
}

impl RedisStreamsBuilder {
    pub(crate) fn new(url: &str) -> Self {
        let settings = RedisSettings {
            stream: "events".to_owned(),
            partitions: 0,
            max_len: 1_000_000,
            max_dead_letters: 1_000_000,
            lease: Duration::from_secs(30),
            block: Duration::from_secs(1),
            poll: Duration::from_millis(500),
            limits: LinkLimits { connect: Duration::from_secs(5), answer: Duration::from_secs(10) },
            durability: None,
        };
        Self { url: url.to_owned(), settings }
    }

    /// The stream's name: letters, digits, `.`, `_`, `:` and `-`. `events` unless said otherwise. All other keys of the transport
    /// begin with it, in braces.
    pub fn stream(mut self, name: &str) -> Self {
        name.clone_into(&mut self.settings.stream);
        self
    }

    /// How many partitions events with a key are spread over: 1 to 256; none unless said otherwise. Each partition is a stream of its
    /// own, and each group reads it in one process at a time: the order within a key is kept though several processes share the
    /// group ([`TransportOrdering::Group`](eventbus_core::TransportOrdering::Group)). All programs over the stream must say the same
    /// number; take a few times as many as a group will have processes.
    pub fn partitions(mut self, partitions: u16) -> Self {
        self.settings.partitions = partitions;
        self
    }

    /// About how many entries the stream keeps, those that have been handled included; 1,000,000 unless said otherwise. Older
    /// ones are trimmed with each publish, whether or not every group has read them: give it room for the longest time that a
    /// consumer may be down. What a group has not read is counted in
    /// [`GroupState::trimmed`](eventbus_core::GroupState::trimmed).
    pub fn max_len(mut self, entries: u64) -> Self {
        self.settings.max_len = entries;
        self
    }

    /// About how many dead letters are kept; 1,000,000 unless said otherwise. The oldest ones go.
    pub fn max_dead_letters(mut self, letters: u64) -> Self {
        self.settings.max_dead_letters = letters;
        self
    }

    /// After how long a message of a process that has died is handed to another one; 30 seconds unless said otherwise, at least
    /// 100 milliseconds. A handler may take longer: its lease is extended as long as its process lives.
    pub fn lease(mut self, time: Duration) -> Self {
        self.settings.lease = time;
        self
    }

    /// How long the server may take to accept a connection; 5 seconds unless said otherwise.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.settings.limits.connect = time;
        self
    }

    /// How long the server may take to answer; 10 seconds unless said otherwise. A publish that gets no answer in time is
    /// [`PublishError::Unknown`](eventbus_core::PublishError::Unknown).
    pub fn answer_timeout(mut self, time: Duration) -> Self {
        self.settings.limits.answer = time;
        self
    }

    /// What a published message survives. Unless said otherwise the server is asked for its `appendonly` and `appendfsync`:
    /// [`Durability::Disk`] if it syncs before it answers, else [`Durability::Server`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.settings.durability = Some(durability);
        self
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if a setting is out of range, or the server cannot be used. It shows neither the URL nor a password.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it leaves nothing behind.
    pub async fn connect(self) -> Result<RedisStreams, ConnectError> {
        self.check_and_connect().await
    }

    /// Boxed, so that users' crates do not compile the client once more.
    fn check_and_connect(self) -> BoxFuture<'static, Result<RedisStreams, ConnectError>> {
        Box::pin(async move {
            self.check()?;
            let info = self.url.as_str().into_connection_info().map_err(|_| ConnectError::Url)?;
            let address = address_of(&info);
            #[cfg(feature = "tls")]
            choose_cryptography();
            // The newer protocol tells when a connection is closed, so that nothing is sent through it.
            let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            let unusable = |reason| ConnectError::Unusable { address: address.clone(), reason };
            let client = Client::open(info.set_redis_settings(redis)).map_err(|error| unusable(describe(&error)))?;
            let health = Arc::new(Health::default());
            let work = Link::new(client.clone(), self.settings.limits, Arc::clone(&health));
            let mut ask = redis::pipe();
            ask.cmd("INFO").arg("server");
            ask.cmd("CONFIG").arg("GET").arg("appendonly");
            ask.cmd("CONFIG").arg("GET").arg("appendfsync");
            let answers = work.run(CONNECT, &ask).await.map_err(|error| match error {
                CommandError::NotSent { reason, .. } | CommandError::NoAnswer { reason, .. } => unusable(reason),
                other => unusable(other.to_string()),
            })?;
            // A user who may not ask is believed.
            let mut answers = answers.into_iter().map(Result::ok);
            let about = answers.next().flatten().and_then(into_text).unwrap_or_default();
            if let Some(version) = version_of(&about).filter(|version| is_too_old(version)) {
                return Err(ConnectError::TooOld { address, version: version.to_owned() });
            }
            let mut setting = || {
                let pairs = into_pairs(answers.next().flatten()?);
                pairs.into_iter().next().and_then(|(_, value)| into_text(value))
            };
            let syncs = setting().as_deref() == Some("yes") && setting().as_deref() == Some("always");
            let keys = StreamKeys::new(&self.settings.stream, self.settings.partitions);
            let mut config = call(&script::CONFIG, &[&keys.config]);
            config.arg(self.settings.partitions);
            let noted = work.run_one(CONNECT, config).await.map_err(|error| unusable(error.to_string()))?;
            let noted = count(&noted).unwrap_or(0);
            if noted != u64::from(self.settings.partitions) {
                return Err(ConnectError::Partitions { asked: self.settings.partitions, noted });
            }
            let asked = if syncs { Durability::Disk } else { Durability::Server };
            let durability = self.settings.durability.unwrap_or(asked);
            Ok(RedisStreams { shared: Arc::new(Shared::new(client, self.settings, durability, health, work)) })
        })
    }

    fn check(&self) -> Result<(), ConnectError> {
        let settings = &self.settings;
        check_stream(&settings.stream)?;
        let wrong = |name, expected| Err(ConnectError::Setting { name, expected });
        if settings.max_len == 0 || i64::try_from(settings.max_len).is_err() {
            return wrong("max_len", "at least 1");
        }
        if settings.max_dead_letters == 0 || i64::try_from(settings.max_dead_letters).is_err() {
            return wrong("max_dead_letters", "at least 1");
        }
        if settings.partitions > 256 {
            return wrong("partitions", "0 to 256");
        }
        let day = Duration::from_hours(24);
        if settings.lease < Duration::from_millis(100) || settings.lease > day {
            return wrong("lease", "100 milliseconds to a day");
        }
        let limits = settings.limits;
        if [limits.connect, limits.answer].into_iter().any(|limit| limit < Duration::from_millis(10) || limit > day) {
            return wrong("connect_timeout` or `answer_timeout", "10 milliseconds to a day");
        }
        Ok(())
    }
}

/// Without the URL, which may hold a password.
impl fmt::Debug for RedisStreamsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStreamsBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Without a provider of the process, TLS would panic. The program's own choice stays.
#[cfg(feature = "tls")]
fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Host and port, without user and password.
fn address_of(info: &ConnectionInfo) -> String {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => format!("{host}:{port}"),
        ConnectionAddr::Unix(path) => path.display().to_string(),
        _ => "an address of another kind".to_owned(),
    }
}

fn version_of(about: &str) -> Option<&str> {
    about.lines().find_map(|line| line.strip_prefix("redis_version:")).map(str::trim)
}

fn is_too_old(version: &str) -> bool {
    let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    major.is_some_and(|major| major < OLDEST)
}
