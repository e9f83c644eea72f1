//! The audit: hears whatever happens to articles, also what is added next year.

use chassis::{AnyEvent, Lifecycle, listeners};

use crate::Output;

/// Notes each event of an article.
#[derive(Debug)]
pub struct Audit {
    output: Output,
}

impl Audit {
    /// An audit that notes in `output`.
    pub fn new(output: &Output) -> Self {
        Self { output: output.clone() }
    }
}

#[listeners(named = "audit")]
impl Audit {
    #[on(pattern = "article.*", priority = 100)]
    fn note(&self, e: &AnyEvent<'_>) {
        self.output.say(format_args!("audit: {} v{}", e.name(), e.version()));
    }
}

impl Lifecycle for Audit {}
