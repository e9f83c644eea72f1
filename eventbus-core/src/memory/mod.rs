//! Floor 7: the transport inside the process. Bounded queues, one for each group, that carry the events themselves.
//!
//! One lock guards all queues and the routes to them, so that a message reaches all groups that want it, or none. It is held
//! for pushes and pops only: wakers are called, and messages dropped, after it has been given back, since both are foreign
//! code.

mod admission;
mod after_lock;
mod group;
mod queue;
mod ready;
mod seen;
mod source;
mod state;
mod transport;
mod waiting;

pub use transport::Memory;
