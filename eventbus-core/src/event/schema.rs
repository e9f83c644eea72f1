//! JSON Schema of events.

use schemars::JsonSchema;

use super::Event;

/// The JSON Schema of an event type, made when it is asked for. `#[event(schema)]` gives one.
#[derive(Clone, Copy, Debug)]
pub struct Schema(fn() -> serde_json::Value);

/// Has a JSON Schema: what `#[event(schema)]` asks of an event. Implemented for all that have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` says `#[event(schema)]` and has no JSON Schema",
    label = "not `JsonSchema`",
    note = "add `#[derive(schemars::JsonSchema)]` to `{Self}`"
)]
pub trait HasSchema: JsonSchema {}
impl<E: JsonSchema> HasSchema for E {}

impl Schema {
    /// The schema of `E`.
    pub const fn of<E: Event + HasSchema>() -> Self {
        Self(|| schemars::SchemaGenerator::default().into_root_schema_for::<E>().to_value())
    }

    /// The schema as JSON.
    pub fn to_json(self) -> serde_json::Value {
        (self.0)()
    }
}
