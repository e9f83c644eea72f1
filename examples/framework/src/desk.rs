//! The desk: it emits, and hears nothing.

use std::sync::Arc;

use chassis::{BoxError, Bus, EmitError, Lifecycle, Module, Scope, WiringError};

use crate::{ArticlePublished, ArticleWithdrawn, DeskOpened, Output};

/// Publishes and withdraws articles.
#[derive(Debug)]
pub struct Desk {
    bus: Bus,
    output: Output,
}

impl Desk {
    /// A desk that emits on `bus`.
    pub fn new(bus: &Bus, output: &Output) -> Self {
        Self { bus: bus.clone(), output: output.clone() }
    }

    /// Publishes an article.
    ///
    /// # Errors
    ///
    /// If a module could not take it.
    pub async fn publish(&self, id: u64, title: &str) -> Result<(), EmitError> {
        self.bus.emit(ArticlePublished { id, title: title.to_owned() }).await.into_result().map(drop)
    }

    /// Withdraws an article. Nobody waits for those who hear it.
    pub fn withdraw(&self, id: u64, reason: &str) {
        self.bus.emit(ArticleWithdrawn { id, reason: reason.to_owned() }).spawn();
    }
}

/// By hand: without a method that listens there is nothing for `#[listeners]` to do.
impl Module for Desk {
    fn name(&self) -> &'static str {
        "desk"
    }

    fn register(self: Arc<Self>, _: &Scope) -> Result<(), WiringError> {
        Ok(())
    }
}

impl Lifecycle for Desk {
    async fn start(&self) -> Result<(), BoxError> {
        self.bus.emit(DeskOpened).await.into_result()?;
        Ok(())
    }

    async fn stop(&self) -> Result<(), BoxError> {
        self.output.say(format_args!("desk: closed"));
        Ok(())
    }
}
