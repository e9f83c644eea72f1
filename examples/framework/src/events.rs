//! What can happen in the newsroom. The modules share this file, and nothing else.

use chassis::Event;

/// An article is there to be read.
#[derive(Debug, Clone, Event)]
pub struct ArticlePublished {
    /// The key of the article.
    pub id: u64,
    /// As it is shown.
    pub title: String,
}

/// An article is not there any more.
#[derive(Debug, Clone, Event)]
#[event(version = 2)]
pub struct ArticleWithdrawn {
    /// The key of the article.
    pub id: u64,
    /// Why, for the readers.
    pub reason: String,
}

/// The desk takes articles from now on.
#[derive(Debug, Clone, Event)]
pub struct DeskOpened;

/// The search index lies on the disk.
#[derive(Debug, Clone, Event)]
#[event(name = "search.index.saved")]
pub struct IndexSaved {
    /// How many articles it knows.
    pub articles: usize,
}
