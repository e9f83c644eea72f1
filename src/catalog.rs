//! What is wired: the catalog of a bus and its forms, the explanation of a name, sets of events.

#[cfg(feature = "serde")]
pub use eventbus_core::AsyncApiInfo;
pub use eventbus_core::{
    Catalog, CatalogEvent, CatalogGroup, CatalogListener, EventSet, ExplainedGroup, Explanation, GroupCondition,
};
