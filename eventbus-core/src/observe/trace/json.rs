//! A trace as data.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{
    super::catalog::listener,
    outcome::TraceOutcome,
    tree::{Correlation, Trace, TraceCause, TraceNode, Traced},
};

/// A list and not a tree: readers of JSON bound how deep it is nested. `parent` is the place in it.
impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let nodes: Vec<_> = self.nodes().map(node).collect();
        json!({ "capacity": self.capacity(), "fallen": self.fallen(), "nodes": nodes }).serialize(serializer)
    }
}

impl Serialize for TraceOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json!({ "word": self.word(), "text": self.text(), "is_ok": self.is_ok() }).serialize(serializer)
    }
}

fn node(node: TraceNode<'_>) -> Value {
    let mut value = match node.what() {
        Traced::Emission { id } => json!({ "what": "emission", "emission": id.get() }),
        Traced::Call { listener: called } => json!({ "what": "call", "listener": listener(called) }),
        Traced::Publish { message } => json!({ "what": "publish", "message": message.to_string() }),
        Traced::Delivery { message, group, attempt, handler, source } => json!({
            "what": "delivery",
            "message": message.to_string(),
            "group": group.as_ref(),
            "attempt": attempt,
            "handler": handler.as_ref().map(|handler| handler.location().to_string()),
            "source": source.as_ref(),
        }),
    };
    value["event"] = node.event().into();
    value["parent"] = node.node().parent.into();
    value["depth"] = node.depth().into();
    value["began_unix_micros"] = micros(node.began().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()).into();
    value["took_nanos"] = node.took().map(|took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)).into();
    value["outcome"] = json!(node.outcome());
    value["correlation"] = match node.correlation() {
        Correlation::Emission(id) => json!({ "emission": id.get() }),
        Correlation::Message(id) => json!({ "message": id.to_string() }),
    };
    if let Some(cause) = node.missing_cause() {
        value["missing_cause"] = match cause {
            TraceCause::Emission(id) => json!({ "emission": id.get() }),
            TraceCause::Delivery(id) => json!({ "delivery": id.to_string() }),
            TraceCause::Publish { message, source } => {
                json!({ "publish": message.to_string(), "source": source.as_ref() })
            }
        };
    }
    if node.more_calls() > 0 {
        value["more_calls"] = node.more_calls().into();
    }
    value
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
