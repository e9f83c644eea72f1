//! The events of these tests.

use eventbus::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, PartialEq, Debug)]
#[event(serde)]
pub(crate) struct UserCreated {
    pub(crate) id: u32,
}

/// Cannot be read from JSON.
#[derive(Event, PartialEq, Debug)]
pub(crate) struct UserRenamed(pub(crate) u32);

#[derive(Event, Serialize, Deserialize, PartialEq, Debug)]
#[event(name = "order.done", serde)]
pub(crate) struct OrderDone {
    pub(crate) id: u32,
}

/// The same event with other content.
#[derive(Event, Serialize, Deserialize, PartialEq, Debug)]
#[event(name = "order.done", version = 2, serde)]
pub(crate) struct OrderDoneV2 {
    pub(crate) id: String,
}

/// Has the name and version of [`UserCreated`].
#[derive(Event, Debug)]
#[event(name = "user.created")]
pub(crate) struct Usurper;
