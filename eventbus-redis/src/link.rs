//! A connection that is made when it is needed, and made again with backoff when it breaks.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, Pipeline, PushInfo, PushKind, ServerError, Value,
    aio::{ConnectionLike, MultiplexedConnection},
};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{
    error::{CommandError, describe, over},
    script,
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkLimits {
    pub(crate) connect: Duration,
    pub(crate) answer: Duration,
}

/// What is known of the connections of a transport.
#[derive(Default, Debug)]
pub(crate) struct Health(Mutex<(Option<String>, Option<SystemTime>)>);

impl Health {
    pub(crate) fn get(&self) -> (Option<String>, Option<SystemTime>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn failed(&self, reason: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(reason.to_owned());
    }

    fn progressed(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(SystemTime::now());
    }
}

/// A connection that is shared by all who send commands through it.
pub(crate) struct Link {
    client: Client,
    limits: LinkLimits,
    health: Arc<Health>,
    current: Mutex<Option<Connection>>,
    /// Held by the one who connects; the others wait for the result.
    connecting: tokio::sync::Mutex<Attempts>,
    /// How many attempts to connect have ended.
    attempts: std::sync::atomic::AtomicU64,
}

struct Attempts {
    pause: Duration,
    not_before: Option<Instant>,
    last_error: String,
}

#[derive(Clone)]
pub(crate) struct Connection {
    inner: MultiplexedConnection,
    /// Set when the server has closed it.
    is_gone: Arc<AtomicBool>,
}

impl Link {
    pub(crate) fn new(client: Client, limits: LinkLimits, health: Arc<Health>) -> Self {
        let attempts = Attempts { pause: FIRST_PAUSE, not_before: None, last_error: String::new() };
        Self {
            client,
            limits,
            health,
            current: Mutex::default(),
            connecting: tokio::sync::Mutex::new(attempts),
            attempts: std::sync::atomic::AtomicU64::new(0),
        }
    }

    fn current(&self) -> Option<Connection> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|connection| !connection.is_gone.load(Ordering::Acquire)).cloned()
    }

    /// Whether there is a connection, as far as is known.
    pub(crate) fn is_connected(&self) -> bool {
        self.current().is_some()
    }

    /// Drops the connection if it is still this one.
    fn discard(&self, connection: &Connection) {
        connection.is_gone.store(true, Ordering::Release);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |one: &Connection| Arc::ptr_eq(&one.is_gone, &connection.is_gone);
        let old = if current.as_ref().is_some_and(is_it) { current.take() } else { None };
        drop(current);
        drop(old);
    }

    /// The connection, made if need be.
    pub(crate) async fn get(&self, action: &'static str) -> Result<Connection, CommandError> {
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let seen = self.attempts.load(Ordering::Acquire);
        let mut attempts = self.connecting.lock().await;
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        if self.attempts.load(Ordering::Acquire) != seen && attempts.not_before.is_some() {
            // Somebody has tried meanwhile.
            return Err(CommandError::NotSent { action, reason: attempts.last_error.clone() });
        }
        if let Some(not_before) = attempts.not_before {
            sleep_until(not_before).await;
        }
        let result = self.connect().await;
        self.attempts.fetch_add(1, Ordering::AcqRel);
        match result {
            Ok(connection) => {
                (attempts.pause, attempts.not_before) = (FIRST_PAUSE, None);
                *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
                Ok(connection)
            }
            Err(reason) => {
                self.health.failed(&reason);
                // Many processes lose a server at the same moment, and must not come back at the same moment.
                attempts.not_before = Some(Instant::now() + attempts.pause.mul_f64(0.5 + fastrand::f64() / 2.0));
                attempts.pause = (attempts.pause * 2).min(LONGEST_PAUSE);
                attempts.last_error.clone_from(&reason);
                Err(CommandError::NotSent { action, reason })
            }
        }
    }

    async fn connect(&self) -> Result<Connection, String> {
        let is_gone = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&is_gone);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limits.connect))
            .set_response_timeout(Some(self.limits.answer))
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    gone.store(true, Ordering::Release);
                }
                Ok::<_, std::convert::Infallible>(())
            });
        // The client limits the parts; this limits the whole.
        let limit = self.limits.connect + self.limits.answer;
        match timeout(limit, self.client.get_multiplexed_async_connection_with_config(&config)).await {
            Ok(Ok(inner)) => Ok(Connection { inner, is_gone }),
            Ok(Err(error)) => Err(describe(&error)),
            Err(_) => Err(over(limit)),
        }
    }

    /// Sends a pipeline, and gives an answer for each of its commands.
    pub(crate) async fn run(
        &self,
        action: &'static str,
        pipeline: &Pipeline,
    ) -> Result<Vec<Result<Value, ServerError>>, CommandError> {
        let mut answers = self.send(action, pipeline).await?;
        let is_unloaded =
            |answer: &Result<Value, ServerError>| matches!(answer, Err(error) if error.code() == "NOSCRIPT");
        if !answers.iter().any(is_unloaded) {
            return Ok(answers);
        }
        // The server has restarted, or forgotten its scripts. What it did not know it has not done.
        self.send(action, &script::load_all()).await?;
        let mut again = redis::pipe();
        for (command, answer) in pipeline.cmd_iter().zip(&answers) {
            if is_unloaded(answer) {
                again.add_command(command.clone());
            }
        }
        let mut repeated = self.send(action, &again).await?.into_iter();
        for answer in answers.iter_mut().filter(|answer| is_unloaded(answer)) {
            if let Some(repeated) = repeated.next() {
                *answer = repeated;
            }
        }
        Ok(answers)
    }

    /// Sends one command.
    pub(crate) async fn run_one(&self, action: &'static str, command: Cmd) -> Result<Value, CommandError> {
        let mut pipeline = redis::pipe();
        pipeline.add_command(command);
        let answer = self.run(action, &pipeline).await?.pop().ok_or(CommandError::Answer { action })?;
        answer.map_err(|error| CommandError::refused(action, &error))
    }

    async fn send(
        &self,
        action: &'static str,
        pipeline: &Pipeline,
    ) -> Result<Vec<Result<Value, ServerError>>, CommandError> {
        if pipeline.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.get(action).await?;
        match connection.inner.req_packed_commands(pipeline, 0, pipeline.len()).await {
            Ok(answers) if answers.len() == pipeline.len() => {
                self.health.progressed();
                let answer = |value| if let Value::ServerError(error) = value { Err(error) } else { Ok(value) };
                Ok(answers.into_iter().map(answer).collect())
            }
            Ok(_) => {
                self.discard(&connection);
                Err(CommandError::Answer { action })
            }
            Err(error) => {
                // Half open or closed: the next call makes another one.
                self.discard(&connection);
                let reason = describe(&error);
                self.health.failed(&reason);
                Err(CommandError::NoAnswer { action, reason })
            }
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("is_connected", &self.is_connected()).finish_non_exhaustive()
    }
}
