//! The program of the README: `webhooks`, which is the library's, and how it connects to a server.

#![forbid(unsafe_code)]

use std::{process::ExitCode, sync::Arc};

use eventbus::{BoxError, transport::Transport};

fn main() -> ExitCode {
    webhooks::run(|url| Box::pin(connect(url)))
}

/// Connects to the server that `--transport` names.
///
/// # Errors
///
/// The server cannot be used.
#[cfg(feature = "redis")]
async fn connect(url: String) -> Result<Arc<dyn Transport>, BoxError> {
    /// How many deliveries are kept, handled or not.
    const KEPT: u64 = 1_000_000;
    Ok(Arc::new(eventbus::redis::RedisStreams::builder(&url).stream("webhooks").max_len(KEPT).connect().await?))
}

/// The program was built without Redis.
#[cfg(not(feature = "redis"))]
#[expect(clippy::unused_async, reason = "the shape that it has with the feature")]
async fn connect(_: String) -> Result<Arc<dyn Transport>, BoxError> {
    Err("`--transport` needs the feature `redis`: cargo run --release -p webhooks --features redis -- ..".into())
}
