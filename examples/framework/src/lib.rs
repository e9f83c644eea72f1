//! A newsroom: the desk publishes, and archive, search and audit hear of it. Written with `chassis`, and nothing else.
//!
//! `cargo run -p newsroom` runs it.

#![forbid(unsafe_code)]

mod archive;
mod audit;
mod desk;
mod events;
mod output;
mod search;

pub use archive::Archive;
pub use audit::Audit;
pub use desk::Desk;
pub use events::{ArticlePublished, ArticleWithdrawn, DeskOpened, IndexSaved};
pub use output::Output;
pub use search::Search;
