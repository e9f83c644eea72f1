//! A framework in small: applications are made of modules, which meet through events only.
//!
//! It shows what a framework does that builds on `eventbus`: it hands on the macros under its own name, adds what it is about
//! (here: starting and stopping in order), and tells its operators what is wired. Its users write `chassis`, and nothing else.
//!
//! ```
//! use std::sync::Arc;
//! use chassis::{App, BoxError, Event, Lifecycle, listeners};
//!
//! #[derive(Event)]
//! struct ArticlePublished { title: String }
//!
//! struct Search;
//!
//! #[listeners]
//! impl Search {
//!     #[on]
//!     fn index(&self, e: &ArticlePublished) {
//!         println!("indexed: {}", e.title);
//!     }
//! }
//!
//! impl Lifecycle for Search {
//!     async fn start(&self) -> Result<(), BoxError> {
//!         Ok(()) // open the index
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let app = App::new("newsroom").with(Arc::new(Search)).start().await?;
//! app.bus().emit(ArticlePublished { title: "Hello".into() }).await.into_result()?;
//! println!("{}", app.listing());
//! app.stop().await?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod app;
mod error;
mod lifecycle;
mod listing;

pub use app::{App, Running};
pub use chassis_macros::{Event, listeners};
pub use error::{StartError, StopError};
pub use lifecycle::Lifecycle;
pub use listing::Listing;

pub use words::*;

/// What users meet besides, under this crate's name.
///
/// `eventbus::Event` is a trait and a derive. Through a glob it gives way to the framework's own derive, and the trait stays.
mod words {
    pub use eventbus::{
        AnyEvent, BoxError, Bus, Context, EmitError, Event, Failure, Module, Report, Scope, WiringError, on,
    };
}

/// Where the macros find what they write. Not for users: what is in it may change.
#[doc(hidden)]
pub use eventbus as __eventbus;
