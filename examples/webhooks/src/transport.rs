//! Where deliveries wait: in this process, or with a server, so that one process takes them in and others handle them.

use std::{fmt, sync::Arc};

use eventbus::{
    BoxError,
    transport::{BoxFuture, Transport},
};

/// How the program connects to the server of an address.
///
/// A program with Redis and one without differ in that alone, and share this library.
pub type Connect = fn(url: String) -> BoxFuture<'static, Result<Arc<dyn Transport>, BoxError>>;

/// The address of a server; it may hold a password.
#[derive(Clone)]
pub(crate) struct Url(String);

impl Url {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(..)")
    }
}
