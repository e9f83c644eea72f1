//! JSON by name without the feature `serde`: methods that say which feature they need.

use std::convert::Infallible;

use crate::{
    emission::{Bus, EmitAny},
    event::FeatureSerde,
};

impl Bus {
    /// ```compile_fail,E0277
    /// eventbus_core::Bus::new().emit_json("user.created", "{}");
    /// ```
    #[doc(hidden)]
    pub fn emit_json<J: FeatureSerde>(&self, _name: &str, _json: J) -> Result<EmitAny<'_>, Infallible> {
        unreachable!("nothing has the feature")
    }

    /// ```compile_fail,E0277
    /// eventbus_core::Bus::new().publish_json("user.created", "{}");
    /// ```
    #[doc(hidden)]
    pub fn publish_json<J: FeatureSerde>(
        &self,
        _name: &str,
        _json: J,
    ) -> Result<std::future::Pending<Result<(), Infallible>>, Infallible> {
        unreachable!("nothing has the feature")
    }
}
