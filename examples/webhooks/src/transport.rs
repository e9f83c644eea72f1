//! Where deliveries wait: in this process, or with Redis, so that one process takes them in and others handle them.

use std::{fmt, sync::Arc};

use eventbus::{BoxError, transport::Transport};

/// The address of a server; it may hold a password.
#[derive(Clone)]
pub(crate) struct Url(String);

impl Url {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// The server cannot be used, or the program was built without Redis.
    #[cfg(feature = "redis")]
    pub(crate) async fn connect(&self) -> Result<Arc<dyn Transport>, BoxError> {
        /// How many deliveries are kept, handled or not.
        const KEPT: u64 = 1_000_000;
        Ok(Arc::new(eventbus::redis::RedisStreams::builder(&self.0).stream("webhooks").max_len(KEPT).connect().await?))
    }

    #[cfg(not(feature = "redis"))]
    #[expect(clippy::unused_async, reason = "the shape that it has with the feature")]
    pub(crate) async fn connect(&self) -> Result<Arc<dyn Transport>, BoxError> {
        let _ = &self.0;
        Err("`--transport` needs the feature `redis`: cargo run --release -p webhooks --features redis -- ..".into())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(..)")
    }
}
