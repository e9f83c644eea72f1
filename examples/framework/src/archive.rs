//! The archive: keeps what was published, whatever becomes of it.

use std::sync::{Mutex, PoisonError};

use chassis::{BoxError, Lifecycle, listeners};

use crate::{ArticlePublished, IndexSaved, Output};

/// Keeps the titles of all articles.
#[derive(Debug)]
pub struct Archive {
    titles: Mutex<Vec<String>>,
    output: Output,
}

impl Archive {
    /// An empty archive.
    pub fn new(output: &Output) -> Self {
        Self { titles: Mutex::default(), output: output.clone() }
    }

    /// How many titles it keeps.
    pub fn len(&self) -> usize {
        self.titles.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether it keeps none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[listeners(named = "archive")]
impl Archive {
    #[on(priority = 10)]
    fn keep(&self, e: &ArticlePublished) -> Result<(), String> {
        if e.title.is_empty() {
            return Err(format!("article {} has no title", e.id));
        }
        self.titles.lock().unwrap_or_else(PoisonError::into_inner).push(e.title.clone());
        Ok(())
    }

    #[on]
    fn note(&self, e: &IndexSaved) {
        self.output.say(format_args!("archive: an index of {} articles was saved", e.articles));
    }
}

impl Lifecycle for Archive {
    async fn stop(&self) -> Result<(), BoxError> {
        self.output.say(format_args!("archive: closed with {} articles", self.len()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chassis::App;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn an_article_without_a_title_is_refused() {
        let output = Output::default();
        let archive = Arc::new(Archive::new(&output));
        let app = App::new("test").with(archive.clone()).start().await.unwrap();
        let emit = |id, title: &str| app.bus().emit(ArticlePublished { id, title: title.to_owned() });

        assert!(emit(1, "Rain").await.is_ok());
        let report = emit(2, "").await;
        assert!(report.to_string().ends_with("failed: article 2 has no title"), "{report}");
        assert_eq!(archive.len(), 1);
        app.stop().await.unwrap();
        assert_eq!(output.take(), ["archive: closed with 1 articles"]);
    }
}
