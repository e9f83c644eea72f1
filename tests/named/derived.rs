//! `#[event(serde)]` and `#[event(schema)]`: of generic types, and through a re-export.

use eventbus::{Bus, Event};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::support::Log;

/// What a framework re-exports.
mod framework {
    pub(crate) use eventbus as bus;
}

#[derive(framework::bus::Event, Serialize, Deserialize, JsonSchema)]
#[event(crate = framework::bus, name = "entity.saved", serde, schema)]
struct Saved<T> {
    entity: T,
}

#[derive(Event, Serialize, Deserialize)]
#[event(serde)]
struct PlainSaved(u8);

#[test]
fn a_generic_event_through_a_re_export_is_read_and_written() {
    let (bus, log) = (Bus::new(), Log::default());
    bus.listener::<Saved<Vec<u8>>>().with(log.clone()).on(|log, e| log.add(e.entity.clone()));
    bus.emit_json("entity.saved", r#"{"entity": [1, 2]}"#).unwrap().blocking();
    assert_eq!(log.take(), [[1, 2]]);
}

#[test]
fn the_descriptor_tells_codec_and_schema() {
    let saved = Saved::<u8>::TYPE;
    assert!(saved.has_codec() && PlainSaved::TYPE.has_codec());
    assert!(PlainSaved::TYPE.schema().is_none());
    let schema = saved.schema().unwrap().to_json();
    assert!(schema["properties"]["entity"].is_object(), "{schema}");
}
