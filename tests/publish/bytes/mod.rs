//! Over a transport of somebody else, which carries bytes.

mod codecs;
mod consuming;
mod hostile_codecs;
mod letters;
mod payload_values;
mod publishing;
mod transport;
mod upcasting;

use eventbus::Event;
use serde::{Deserialize, Serialize};

#[derive(Event, Serialize, Deserialize, Debug, PartialEq, Eq)]
#[event(name = "stock.moved", serde)]
struct Moved {
    of: u64,
    number: u64,
}
