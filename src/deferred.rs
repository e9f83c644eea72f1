//! Events that are kept until a transaction has committed: what surrounds [`Deferred`](crate::Deferred).

pub use eventbus_core::{DeferredPublish, DeferredStats, Release, ReleaseError, Released, Unpublished};
