//! Where the modules write to.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Lines that the modules say: kept, so that the program can show them and tests can ask for them.
#[derive(Debug, Clone, Default)]
pub struct Output(Arc<Mutex<Vec<String>>>);

impl Output {
    /// Adds a line.
    pub fn say(&self, line: fmt::Arguments<'_>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_string());
    }

    /// Takes out what has been said.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
