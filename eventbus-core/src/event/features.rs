//! The features that methods need, for the message of the compiler where one is off.
//!
//! Without its feature, a method is there, hidden from the docs, with a bound that nothing meets.

/// The feature `serde` is on.
#[cfg(not(feature = "serde"))]
#[diagnostic::on_unimplemented(
    message = "this method needs the feature `serde` of `eventbus`",
    label = "the feature `serde` is off",
    note = "turn it on in Cargo.toml: give the dependency `eventbus` the entry `features = [\"serde\"]`"
)]
pub trait FeatureSerde {}

/// The feature `rate-limit` is on.
#[cfg(not(feature = "rate-limit"))]
#[diagnostic::on_unimplemented(
    message = "this method needs the feature `rate-limit` of `eventbus`",
    label = "the feature `rate-limit` is off",
    note = "turn it on in Cargo.toml: give the dependency `eventbus` the entry `features = [\"rate-limit\"]`"
)]
pub trait FeatureRateLimit {}
