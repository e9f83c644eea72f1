//! JSON Schema of events.

use schemars::{JsonSchema, generate::SchemaSettings};

/// The JSON Schema of an event type, made when it is asked for. `#[event(schema)]` gives one.
#[derive(Clone, Copy, Debug)]
pub struct Schema(fn(SchemaSettings) -> serde_json::Value);

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
    pub const fn of<E: HasSchema>() -> Self {
        Self(|settings| settings.into_generator().into_root_schema_for::<E>().to_value())
    }

    /// The schema as JSON, in the dialect 2020-12.
    pub fn to_json(self) -> serde_json::Value {
        (self.0)(SchemaSettings::default())
    }

    /// The schema in the dialect that AsyncAPI understands.
    pub(crate) fn to_draft_07(self) -> serde_json::Value {
        (self.0)(SchemaSettings::draft07())
    }
}
