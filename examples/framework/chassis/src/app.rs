//! An application: a bus, and modules that are started in order and stopped in reverse.

use std::{fmt, sync::Arc};

use eventbus::{BoxError, Bus, Scope};

use crate::{Lifecycle, Listing, StartError, StopError, lifecycle::AnyLifecycle};

/// An application that is being put together.
#[must_use = "it does nothing before `start`"]
pub struct App {
    name: String,
    bus: Bus,
    modules: Vec<Arc<dyn AnyLifecycle>>,
}

impl App {
    /// An application with a bus of its own.
    pub fn new(name: &str) -> Self {
        Self::on(name, Bus::new())
    }

    /// An application on a bus that is made elsewhere: modules that emit are given it before they are given to the
    /// application.
    pub fn on(name: &str, bus: Bus) -> Self {
        Self { name: name.to_owned(), bus, modules: Vec::new() }
    }

    /// Adds a module. It starts after those that have been added before, and stops before them.
    pub fn with<L: Lifecycle>(mut self, module: Arc<L>) -> Self {
        self.modules.push(module);
        self
    }

    /// Starts the modules, one after the other.
    ///
    /// # Errors
    ///
    /// [`StartError`] if a module does not start, or cannot listen. Those before it have been stopped by then.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped, modules that were started go on listening until the bus is gone; their `stop` is not called.
    pub async fn start(self) -> Result<Running, StartError> {
        let Self { name, bus, modules } = self;
        let mut running = Running { name, bus, started: Vec::new() };
        for module in modules {
            if let Err(source) = running.start(&module).await {
                let module = module.name().to_owned();
                // The error that counts is the first one. What else fails now is a consequence.
                let _ = running.stop().await;
                return Err(StartError { module, source });
            }
        }
        Ok(running)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("name", &self.name).field("modules", &self.modules.len()).finish_non_exhaustive()
    }
}

/// An application that has been started.
#[must_use = "dropping it stops nothing; end it with `.stop()`"]
pub struct Running {
    name: String,
    bus: Bus,
    started: Vec<Started>,
}

/// A module that listens, and the scope that holds its listeners.
struct Started {
    module: Arc<dyn AnyLifecycle>,
    scope: Scope,
}

impl Running {
    /// The bus.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// What is wired: for an admin page.
    pub fn listing(&self) -> Listing {
        Listing::of(&self.name, &self.bus, self.started.iter().map(|started| started.module.name().to_owned()))
    }

    /// Stops the modules in reverse order. What has been spawned ends first; then each module hears nothing any more, calls of
    /// it that are under way end, and its `stop` runs.
    ///
    /// # Errors
    ///
    /// [`StopError`] with all modules whose `stop` failed.
    ///
    /// # Cancel safety
    ///
    /// If this is dropped, the modules that are left go on.
    pub async fn stop(mut self) -> Result<(), StopError> {
        let mut failed = Vec::new();
        while let Some(started) = self.started.pop() {
            if let Err(error) = self.end(&started).await {
                failed.push((started.module.name().to_owned(), error));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(StopError { failed }) }
    }

    async fn start(&mut self, module: &Arc<dyn AnyLifecycle>) -> Result<(), BoxError> {
        module.start().await?;
        // A scope for each: they leave one by one. The module's own name is added behind the slash.
        let scope = self.bus.scope(&self.name);
        let wired = Arc::clone(module).register(&scope);
        self.started.push(Started { module: Arc::clone(module), scope });
        wired.map(drop).map_err(BoxError::from)
    }

    async fn end(&self, Started { module, scope }: &Started) -> Result<(), BoxError> {
        // Not once for all: the `stop` of another module may have spawned something that this one should hear.
        let settled = self.bus.settled().await;
        let closed = scope.close_and_wait().await;
        // Whatever the waiting says, what `start` has opened is closed.
        module.stop().await?;
        settled.and(closed).map_err(BoxError::from)
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("name", &self.name)
            .field("modules", &self.started.len())
            .finish_non_exhaustive()
    }
}
