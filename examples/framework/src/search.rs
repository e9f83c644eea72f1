//! Search: an index that is loaded at the start and saved at the end.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use chassis::{BoxError, Bus, Lifecycle, listeners};

use crate::{ArticlePublished, ArticleWithdrawn, IndexSaved, Output};

/// Finds articles by their titles.
#[derive(Debug)]
pub struct Search {
    bus: Bus,
    titles: Mutex<BTreeMap<u64, String>>,
    output: Output,
}

impl Search {
    /// An index that says on `bus` when it has been saved.
    pub fn new(bus: &Bus, output: &Output) -> Self {
        Self { bus: bus.clone(), titles: Mutex::default(), output: output.clone() }
    }
}

#[listeners(named = "search")]
impl Search {
    #[on]
    fn add(&self, e: &ArticlePublished) {
        self.titles.lock().unwrap_or_else(PoisonError::into_inner).insert(e.id, e.title.clone());
        self.output.say(format_args!("search: `{}` can be found", e.title));
    }

    #[on]
    fn remove(&self, e: &ArticleWithdrawn) {
        self.titles.lock().unwrap_or_else(PoisonError::into_inner).remove(&e.id);
        self.output.say(format_args!("search: article {} is gone, {}", e.id, e.reason));
    }
}

impl Lifecycle for Search {
    async fn start(&self) -> Result<(), BoxError> {
        self.output.say(format_args!("search: index loaded"));
        Ok(())
    }

    async fn stop(&self) -> Result<(), BoxError> {
        let articles = self.titles.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.bus.emit(IndexSaved { articles }).await.into_result()?;
        self.output.say(format_args!("search: index saved"));
        Ok(())
    }
}
