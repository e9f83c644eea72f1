//! An explanation as data.

use serde::{Serialize, Serializer};
use serde_json::json;

use super::{super::catalog::listener, ExplainedGroup, Explanation};
use crate::listener::ListenerInfo;

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let listeners = |infos: Vec<&ListenerInfo>| infos.into_iter().map(listener).collect::<Vec<_>>();
        json!({
            "wire_type": self.wire_type,
            "claims": self.claims,
            "known_versions": self.known_versions,
            "taken_by": self.taken_by.map(crate::event::EventType::rust_type),
            "interceptors": self.interceptors,
            "groups": self.groups,
            "runs": listeners(self.runs()),
            "does_not_run": listeners(self.does_not_run()),
            "lately": self.lately,
        })
        .serialize(serializer)
    }
}

impl Serialize for ExplainedGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({
            "name": self.name(),
            "condition": format!("{:?}", self.condition()).to_lowercase(),
            "handler": self.handler().map(ToString::to_string),
        })
        .serialize(serializer)
    }
}
