//! Room for what a higher floor keeps with a bus: this floor holds it and does not know it.

use std::{
    any::Any,
    sync::{Arc, PoisonError},
};

use super::{Bus, BusBuilder, Stats};
use crate::{
    dispatch::{Cause, Frame},
    registry::BusId,
};

/// What a higher floor keeps with a bus.
pub(crate) trait Extension: Any + Send + Sync {
    /// Adds what it has counted.
    fn tell(&self, stats: &mut Stats);
}

/// What it is made of when it is first needed.
pub(crate) type Settings = Option<Box<dyn Any + Send + Sync>>;

impl Bus {
    /// The extension, made when it is first asked for.
    pub(crate) fn extension(&self, make: impl FnOnce(Settings) -> Arc<dyn Extension>) -> &dyn Extension {
        let inner = &self.inner;
        // Not the locks of `sync`: under an explored schedule no thread may be switched inside `get_or_init`.
        let settings = || inner.extension_settings.lock().unwrap_or_else(PoisonError::into_inner).take();
        &**inner.extension.get_or_init(|| make(settings()))
    }

    /// The delivery that the running code handles, or that this handle came from.
    pub(crate) fn cause(&self) -> Option<Cause> {
        Frame::current_cause().or_else(|| self.origin.as_deref().and_then(|origin| origin.cause))
    }

    pub(crate) fn id(&self) -> BusId {
        self.inner.registry.id()
    }

    /// A handle whose emissions count as caused by what `frame` is of.
    pub(crate) fn with_origin(self, frame: Frame) -> Self {
        Self { origin: Some(Arc::new(frame)), ..self }
    }

    /// The bus's own runtime.
    pub(crate) fn own_runtime(&self) -> Option<tokio::runtime::Handle> {
        self.inner.runtime.clone()
    }

    /// [`settled`](Self::settled), asked by somebody who is known to be outside.
    pub(crate) async fn settled_outside(&self) {
        self.inner.tasks.settled().await;
    }
}

impl BusBuilder {
    pub(crate) fn extension_settings(mut self, set: impl FnOnce(Settings) -> Box<dyn Any + Send + Sync>) -> Self {
        self.extension_settings = Some(set(self.extension_settings.take()));
        self
    }
}
